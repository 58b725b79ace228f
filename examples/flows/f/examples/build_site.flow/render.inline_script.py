from pathlib import Path


def main():
    title = Path("./shared/page.md").read_text().removeprefix("# ").strip()
    Path("./shared/page.html").write_text(f"<h1>{title}</h1>")
