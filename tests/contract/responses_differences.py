"""Where the contract differs from the official package's types for Responses, each with its reason."""

from __future__ import annotations

HOSTED = "of a tool that the provider runs itself: it passes through by the open branch"
KEPT = "of a conversation that the provider keeps or mends itself: it passes through by the open branch"
ONE_ROLE = "the package has one message for all roles; the contract has one for each"
ODD = "the package allows the user's kinds of parts for every role: they pass through by the open branch"
PASSED = "a provider's own finding, or what it keeps: passed through and never written here"
SPOKEN = "speech is another operation's affair: it passes through by the open branch"

HOSTED_TOOLS = (
    "apply_patch", "code_interpreter", "computer", "computer_use_preview", "file_search", "image_generation", "local_shell",
    "mcp", "programmatic_tool_calling", "shell",
)  # fmt: skip
HOSTED_CALLS = (
    "apply_patch_call", "apply_patch_call_output", "code_interpreter_call", "computer_call", "computer_call_output",
    "file_search_call", "local_shell_call", "local_shell_call_output", "mcp_approval_request", "mcp_approval_response",
    "mcp_call", "mcp_list_tools", "program", "program_output", "shell_call", "shell_call_output", "tool_search_call",
    "tool_search_output", "web_search_call",
)  # fmt: skip
HOSTED_CHOICES = ("apply_patch", "file_search", "mcp", "programmatic_tool_calling", "shell")
ROLES = {"System": "system", "Developer": "developer", "User": "user", "Assistant": "assistant"}
ANNOTATIONS = ("container_file_citation", "file_citation", "file_path")

SHARED = {
    **{f"ResponseTool: {name}": HOSTED for name in HOSTED_TOOLS},
    **{f"ResponseToolChoice: {name}": HOSTED for name in HOSTED_CHOICES},
    **{f"ResponseAnnotation: {name}": HOSTED for name in ANNOTATIONS},
}

LEFT_OUT_OF_REQUESTS: dict[str, str] = {
    **SHARED,
    **{f"ResponseInputItem: {name}": HOSTED for name in HOSTED_CALLS},
    "ResponseInputItem: image_generation_call": HOSTED,
    **{f"ResponseInputItem: {name}": KEPT for name in ("compaction", "compaction_trigger", "configuration_update")},
    **{
        f"ResponseAdditionalTool: {name}": HOSTED
        for name in (*HOSTED_TOOLS, "custom", "namespace", "tool_search", "web_search", "web_search_preview")
    },
    **{
        f"Response{name}Message.role = {other}": ONE_ROLE
        for name, role in ROLES.items()
        for other in ROLES.values()
        if other != role
    },
    **{
        f"Response{name}Part: {kind}": ODD
        for name in ("Plain", "Assistant")
        for kind in ("input_file", "input_image")
    },
    "ResponseItemReference.type: null": "without a type an item is a message",
}
LEFT_OUT_OF_ANSWERS: dict[str, str] = {
    **SHARED,
    **{f"ResponseOutputItem: {name}": HOSTED for name in HOSTED_CALLS},
    **{
        f"ResponseOutputItem: {name}": KEPT
        for name in ("additional_tools", "compaction", "custom_tool_call_output", "function_call_output")
    },
    **{
        f"ResponsesResponse.{name}": PASSED
        for name in (
            "access_programs", "conversation", "image", "input_transformations", "moderation", "prompt",
            "prompt_cache_diagnostics", "prompt_cache_options", "tool_usage",
        )
    },
    "ResponseError.misalignment": PASSED,
    "ResponseInputTokensDetails.cache_write_tokens_details": PASSED,
    "ResponseImageGenerationCall.error": PASSED,
    "ResponseImageGenerationCall.svg_usage": PASSED,
    **{
        f"ResponseStreamEvent: response.audio.{name}": SPOKEN
        for name in ("delta", "done", "transcript.delta", "transcript.done")
    },
    **{
        f"ResponseStreamEvent: response.{name}": HOSTED
        for name in (
            "image_generation_call.partial_image", "shell_call_command.added", "shell_call_command.delta",
            "shell_call_command.done", "shell_call_output_content.delta", "shell_call_output_content.done",
        )
    },
}  # fmt: skip
BEYOND_REQUESTS: dict[str, str] = {
    "ResponsesRequest.client_metadata": "what coding agents note about themselves",
    "ResponseAllowedTool": "the package has any object there",
    "ResponseInputAudio": "documented for evaluations; other servers of this kind take it",
    "ChatAudioData": "documented for evaluations; other servers of this kind take it",
    "ResponseCustomToolCall.status": "as of a function's call",
    "ResponseCustomToolCallOutput.name": "as of a function's output",
    "ResponseCustomToolCallOutput.status": "as of a function's output",
    **{f"Response{name}Message.id": "as of an answer's message" for name in ("System", "Developer", "User")},
}
BEYOND_ANSWERS: dict[str, str] = {
    "ResponsesResponse.store": "documented, and answered by the API",
    "ResponseAllowedTool": "the package has any object there",
    "ResponseCustomToolCall.status": "as of a function's call",
    "ResponseArgumentsDoneEvent.name": "answered by the API",
    "ResponseError.code = context_length_exceeded": "answered by the API in streams; coding agents shorten their input",
    "ResponseError.code = insufficient_quota": "answered by the API in streams",
    **{
        f"Response{name}DeltaEvent.obfuscation": "answered by the API, as chunks of Chat Completions have it"
        for name in ("Call", "Content", "SummaryText", "Text")
    },
}
