"""What must not be dropped in translation, as the contract marks it: the whole list, with what each mark is about."""

from __future__ import annotations

from typing import Any

from contract.contract_specimens import every_schema, resolve, schemas

REFUSED = {
    # which text, and how long its vector
    "EmbeddingRequest.input", "EmbeddingRequest.dimensions", "EmbeddingRequest.encoding_format",
    # several answers
    "ChatCompletionRequest.n",
    # tools
    "ChatFunctionTool", "ChatCustomTool", "ChatOtherTool", "ChatLegacyFunction", "ChatWebSearchOptions",
    "CustomToolParam", "BashToolParam", "TextEditorToolParam", "ComputerToolParam", "MemoryToolParam",
    "CodeExecutionToolParam", "WebSearchToolParam", "WebFetchToolParam", "ToolSearchToolParam", "AdvisorToolParam",
    "ToolsetParam", "McpToolsetParam", "OtherToolParam", "McpServerParam",
    # calls and their results, which go together
    "ChatFunctionToolCall", "ChatCustomToolCall", "ChatOtherToolCall", "ChatLegacyFunctionCall", "ChatToolMessage",
    "ChatFunctionMessage", "ToolUseBlockParam", "ToolResultBlockParam",
    # a forced choice
    "ChatNamedToolChoice", "ChatNamedCustomToolChoice", "ChatAllowedToolsChoice", "ChatOtherToolChoice",
    "ChatLegacyFunctionName", "ToolChoiceAnyParam", "ToolChoiceToolParam", "OtherToolChoiceParam",
    # an output schema
    "ChatResponseFormatJsonSchema", "ChatOtherResponseFormat", "JsonOutputFormatParam",
    "JsonSchema", "OptionalJsonSchema",
    # files, pictures, sound
    "ChatImagePart", "ChatImageUrl.url", "ChatBareUrl",
    "ChatAudioPart", "ChatFilePart", "ChatVideoPart", "ChatAudioReference", "ChatAudioOutput",
    "ImageBlockParam", "DocumentBlockParam", "SearchResultBlockParam", "ContainerUploadBlockParam",
    "OtherImageSource", "OtherDocumentSource", "OtherDocumentPieceParam",
    # the earlier conversation, in short
    "CompactionBlockParam",
    # what the person says, whatever its kind
    "ChatUserMessage", "UserMessageParam", "ChatOtherPlainPart", "ChatOtherUserPart", "ChatOtherToolResultPart",
    "OtherUserBlockParam", "OtherToolResultContentParam",
    # unknown roles
    "ChatOtherMessage", "OtherMessageParam",
    # instructions
    "ChatSystemMessage", "ChatDeveloperMessage", "MessagesRequest.system", "SystemMessageParam",
    "OtherPlainBlockParam", "OtherSystemMessageBlockParam",

    # ---- Responses
    # what the person says, and instructions
    "ResponsesRequest.input[0]", "ResponsesRequest.instructions", "ResponseSystemMessage", "ResponseDeveloperMessage",
    "ResponseUserMessage", "ResponseOtherMessage", "ResponseOtherInputItem", "ResponseOtherPlainPart",
    "ResponseOtherUserPart", "ResponseOtherAssistantPart", "ResponseOtherToolOutputPart",
    # what only the provider remembers, or will do later
    "ResponsesRequest.store", "ResponsesRequest.previous_response_id", "ResponseConversation[0]",
    "ResponseConversationReference", "ResponsesRequest.background", "ResponsePrompt", "ResponseItemReference",
    # tools, calls and their results, a forced choice
    "ResponseFunctionTool", "ResponseCustomTool", "ResponseNamespaceTool", "ResponseToolSearchTool", "ResponseOtherTool",
    "ResponseOtherNamespacedTool", "ResponseOtherAdditionalTool", "ResponseAdditionalTools", "ResponseFunctionCall",
    "ResponseFunctionCallOutput", "ResponseCustomToolCall", "ResponseCustomToolCallOutput", "ResponseNamedToolChoice",
    "ResponseAllowedToolsChoice", "ResponseOtherToolChoice",
    # an output schema
    "ResponseTextFormatJsonSchema", "ResponseOtherTextFormat",
    # files, pictures, sound: each of the ways to name one
    "ResponseInputImage", "ResponseInputImage.image_url", "ResponseInputImage.file_id", "ResponseInputFile",
    "ResponseInputFile.file_data", "ResponseInputFile.file_url", "ResponseInputFile.file_id", "ResponseInputAudio",
    # how hard to think, as a number: nobody knows what it means elsewhere
    "ResponseEffort[1]",

    # ---- generateContent
    "GeminiContent", "GeminiInstruction", "GeminiTextPart", "GeminiOwnPart",
    "GenerateContentRequest.cachedContent", "GeminiGenerationConfig.candidateCount",
    "GeminiFunctionDeclaration", "GeminiOwnTool", "GeminiTool.mcpServers", "GeminiFunctionCall", "GeminiFunctionResponse",
    "GeminiResultPart", "GeminiSchema", "GeminiGenerationConfig.responseFormat", "GeminiBlob", "GeminiFileData",

    # ---- text completions
    "CompletionRequest.prompt", "CompletionRequest.n", "CompletionRequest.echo", "CompletionRequest.suffix",

    # ---- Ollama
    "OllamaMessage", "OllamaMessage.content", "OllamaMessage.images", "OllamaTool", "OllamaToolCall", "OllamaFormat",
}  # fmt: skip

OTHER_MARKS: dict[str, Any] = {
    "ChatToolChoiceMode": {"refuse": ["required"]},     # one word of several forces a call
    "ChatJsonSchema.name": "none",                      # a label, required by one API and unknown to the other
    "ChatResponseFormatText": "none",                   # as if nothing had been said
    "ChatToolMessage.name": "none",                     # its call says it too
    "ChatReasoningEncrypted.format": "none",            # how routers label the pieces of a thought
    "ChatReasoningEncrypted.index": "none",
    "ChatReasoningSummary.format": "none",
    "ChatReasoningSummary.index": "none",
    "ChatReasoningText.format": "none",
    "ChatReasoningText.index": "none",
    "ChatFunctionToolCall.index": "none",               # its place in the list says it too
    "ChatFunctionToolCall.id": "none",                  # ids tie results to calls; who has none ties them by name
    "ChatToolMessage.tool_call_id": "none",
    "ToolUseBlockParam.id": "none",
    "ToolResultBlockParam.tool_use_id": "none",
    "ChatCustomToolText": "none",                       # as if nothing had been said
    "DirectCaller": "none",                             # as if nothing had been said
    "SearchResultBlockParam.source": "warn",            # the passage itself is what counts
    "SearchResultBlockParam.title": "warn",
    "GeminiFunctionCallingConfig.mode": {"refuse": ["ANY"]},
    "GenerateContentRequest.model": "none",             # it stands in the path
    "GeminiInstruction.role": "none",                   # nobody reads it
    "GeminiContent.role": "none",                       # what is told of a thought says whose it was, too
    "GeminiPart.text": "none",                          # a text is lost only where it is a thought,
    "GeminiPart.thought": "none",                       # and of that the engine tells by itself
    "GeminiPart.thoughtSignature": "none",
    "Base64ImageSource.media_type": "none",             # the data says it too
    "GeminiBlob.mimeType": "none",                      # the data says it too
    "GeminiBlob.displayName": "warn",                   # the thing itself is what counts
    "GeminiFileData.displayName": "warn",
    "GeminiFileData.mimeType": "warn",
    "GeminiFunctionCall.id": "none",                    # ids tie results to calls; who has none ties them by name
    "GeminiFunctionResponse.id": "none",
    "GeminiFunctionResponse.name": "none",
    "GeminiFunctionResponse.willContinue": "warn",
    "GeminiFunctionResponse.scheduling": "warn",
    "GeminiFunctionDeclaration.behavior": "warn",
    "GeminiSchemaOfAnswer": "warn",                     # what a tool gives is seen when it gives it
    "OllamaMessage.thinking": "warn",
    "OllamaMessage.tool_name": "none",
    "OllamaMessage.tool_call_id": "none",
    "OllamaToolCall.id": "none",
    "OllamaToolCall.type": "none",
    "OllamaCalledFunction.index": "none",
    "OllamaTool.type": "none",
    "OllamaKeepAlive": "none",                          # how long a model stays in memory that is not there
    "ResponseToolChoiceMode": {"refuse": ["required"]},
    "ResponseTextFormatJsonSchema.name": "none",        # a label
    "ResponseTextFormatText": "none",                   # as if nothing had been said
    "ResponseCustomToolText": "none",
    "ResponsesRequest.client_metadata": "none",         # no model reads it
    "ResponseSaidText.logprobs": "none",                # what was told of an answer
    "ResponseItemStatus": "none",
    "ResponseWebSearchTool": "warn",                    # coding agents always offer it, and can do without
    "ResponseNamedToolChoice.type": "none",             # the name is enough
    "ResponseAllowedToolsChoice.tools": "none",         # the reader itself offers no others
    "ResponseAllowedTool": "none",
    "ResponseAdditionalTools.role": "none",
    **{
        f"Response{name}": "none"                       # ids, by which nobody asks here; names that a call says too
        for name in (
            "SystemMessage.id", "DeveloperMessage.id", "UserMessage.id", "AssistantMessage.id", "FunctionCall.id",
            "FunctionCallOutput.id", "CustomToolCall.id", "CustomToolCallOutput.id", "ReasoningItem.id",
            "AdditionalTools.id", "FunctionCall.call_id", "FunctionCallOutput.call_id", "CustomToolCall.call_id",
            "CustomToolCallOutput.call_id", "FunctionCallOutput.name", "FunctionCallOutput.namespace",
            "CustomToolCallOutput.name", "SystemMessage.type", "DeveloperMessage.type", "UserMessage.type",
            "AssistantMessage.type",
        )
    },
}


def marks() -> dict[str, Any]:
    return {place: schema["x-loss"] for place, schema in every_schema() if "x-loss" in schema}


def test_what_is_refused() -> None:
    """The marks are exactly these."""
    assert {place for place, mark in marks().items() if mark == "refuse"} == REFUSED


def test_the_other_marks() -> None:
    """Exceptions within what is marked, and single words."""
    assert {place: mark for place, mark in marks().items() if mark != "refuse"} == OTHER_MARKS


def test_marks_stand_where_requests_are_described() -> None:
    """No answer carries a mark of its own: nothing is probed there."""
    seen: set[str] = set()

    def visit(schema: dict[str, Any]) -> None:
        name = schema["$ref"].rsplit("/", 1)[1] if "$ref" in schema else None
        if name in seen:
            return
        seen.add(name or "")
        schema = resolve(schema)
        for each in (*schema.get("properties", {}).values(), *schema.get("oneOf", ())):
            visit(each)
        for word in ("items", "additionalProperties"):
            if isinstance(schema.get(word), dict):
                visit(schema[word])

    for name in ("ChatCompletionRequest", "MessagesRequest", "ResponsesRequest", "GenerateContentRequest",
                 "OllamaChatRequest", "CompletionRequest", "EmbeddingRequest"):
        visit({"$ref": f"#/components/schemas/{name}"})
    assert {place.split(".")[0].partition("[")[0] for place in marks()} <= seen


def test_merges_that_are_meant() -> None:
    """`developer` is another word for `system`; nothing else may be merged unreported but what says the same."""
    same = {place: schema["x-same-as"] for place, schema in every_schema() if "x-same-as" in schema}
    assert same == {
        "ChatDeveloperMessage": "system",
        "ResponseDeveloperMessage": "system",
        "ResponseInputText": "output_text",                             # in a message of the assistant's
        "ResponseCustomToolCallOutput": "function_call_output",
    }
    assert schemas()["ChatSystemMessage"]["properties"]["role"]["enum"] == ["system"]
