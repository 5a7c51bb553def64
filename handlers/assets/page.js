// Shows the contract. The key entered under "Authorize" stays in this page and is gone when it closes.
window.addEventListener("load", () => {
  SwaggerUIBundle({
    url: "api-docs.json",
    dom_id: "#swagger-ui",
    deepLinking: true,
    tryItOutEnabled: true,
    displayRequestDuration: true,
    defaultModelsExpandDepth: 0,
    persistAuthorization: false,
    validatorUrl: null, // nothing is sent to anybody else
  });
});
