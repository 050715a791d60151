"""`studio app`: the studio in the browser."""

from __future__ import annotations

import click


@click.command(context_settings={"show_default": True})
@click.option("--host", default="127.0.0.1", help="Address to listen on; others than loopback need STUDIO_TOKEN.")
@click.option("--port", type=click.IntRange(0, 65535), default=7860)
@click.option("--open/--no-open", "open_browser", default=False, help="Open the browser.")
def app(host: str, port: int, open_browser: bool) -> None:
    """Start the studio in the browser."""
    from studio.app import serve

    serve(host=host, port=port, open_browser=open_browser)
