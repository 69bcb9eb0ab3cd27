"""Pages in a browser that are watched: what they ask for, and what goes wrong in them."""

from typing import Any

READY = "html[data-lossatlas=ready]"
"""What a page matches as soon as its graph is drawn."""


class Watched:
    """A page in the browser, with everything that it asked for and complained of."""

    def __init__(self, page: Any) -> None:
        self.page, self.requests, self.complaints = page, [], []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", self._dialog)
        page.on("console", self._console)

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _dialog(self, dialog: Any) -> None:
        self.complaints.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def __call__(self, script: str, argument: Any = None) -> Any:
        return self.page.evaluate(script, argument)

    def elsewhere(self) -> list[str]:
        """Requests to anywhere but the page itself."""
        return [url for url in self.requests if not url.startswith(("file:", "blob:", "data:"))]

    def text(self) -> str:
        """All text that is shown, that of the widgets included."""
        return self("""() => {
            const parts = []
            const walk = (node) => {
              if (node.nodeType === 3) parts.push(node.textContent)
              if (node.shadowRoot) walk(node.shadowRoot)
              if (!["SCRIPT", "STYLE"].includes(node.tagName)) node.childNodes.forEach(walk)
            }
            walk(document.body)
            return parts.join(" ").replace(/\\s+/g, " ")
        }""")

    def set(self, control: str, value: Any) -> None:
        """Set a control as a hand would, and wait for the picture."""
        change = "([name, value]) => { lossatlas.args.controls[name].value = value }"
        self(change, [control, value])
        self.settle()

    def settle(self) -> None:
        self("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 60)))")
