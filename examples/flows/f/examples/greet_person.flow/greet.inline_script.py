GREETINGS = {"en": "Hello", "fr": "Bonjour", "de": "Guten Tag"}


def main(name: str, language: str = "en"):
    return f"{GREETINGS.get(language or 'en', 'Hello')}, {name}!"
