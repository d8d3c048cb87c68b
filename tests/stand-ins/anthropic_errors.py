"""The errors of Anthropic's API, as its answers spell them."""

TYPES = {400: "invalid_request_error", 401: "authentication_error", 402: "billing_error", 403: "permission_error",
         404: "not_found_error", 413: "request_too_large", 429: "rate_limit_error", 500: "api_error", 504: "timeout_error",
         529: "overloaded_error"}

MESSAGES = {429: "This request would exceed your organization's rate limit.", 500: "Internal server error", 529: "Overloaded"}


class ApiError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, message: str | None = None, headers: dict[str, str] | None = None):
        self.status = status
        self.message = message or MESSAGES.get(status, "The stand-in was told to fail.")
        self.headers = dict(headers or {})
        if status == 429:
            self.headers.setdefault("retry-after", "1")
        if status in (429, 500, 529):
            self.headers.setdefault("x-should-retry", "true")
        super().__init__(self.message)

    @property
    def kind(self) -> str:
        return TYPES.get(self.status, "api_error" if self.status >= 500 else "invalid_request_error")

    def body(self, request_id: str) -> dict:
        return {"type": "error", "error": {"type": self.kind, "message": self.message}, "request_id": request_id}


def invalid(field: str, message: str) -> ApiError:
    """400 for the field at this path."""
    return ApiError(400, f"{field}: {message}")
