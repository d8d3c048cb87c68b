"""The errors of OpenAI's API, as its answers spell them."""

USUAL = {
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    403: ("invalid_request_error", "unsupported_country_region_territory", "Country, region, or territory not supported"),
    404: ("invalid_request_error", None, "Not found"),
    405: ("invalid_request_error", "method_not_supported", "Method not allowed."),
    429: ("tokens", "rate_limit_exceeded", "Rate limit reached for this model on tokens per min (TPM)."),
    500: ("server_error", None, "The server had an error while processing your request. Sorry about that!"),
    503: ("server_error", None, "The server is currently overloaded. Please try again later."),
}


class OpenaiError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, message: str | None = None, param: str | None = None, code: str | None = None,
                 headers: dict[str, str] | None = None):
        kind, usual_code, usual = USUAL.get(status, ("server_error" if status >= 500 else "invalid_request_error", None, "Told to fail."))
        self.status, self.param, self.headers = status, param, dict(headers or {})
        self.kind, self.code, self.message = kind, code or (usual_code if message is None else None), message or usual
        if status == 429:
            self.headers.setdefault("retry-after", "1")
        super().__init__(self.message)

    def body(self, _request_id: str) -> dict:
        return {"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}}


def invalid(param: str | None, message: str, code: str = "invalid_value") -> OpenaiError:
    """400 for the field at this path."""
    return OpenaiError(400, message, param, code)
