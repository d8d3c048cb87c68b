"""Who may use which path, and when: pure, so that it can be tested without a component around it."""

import json

# The words that settings and rules may have.
SETTINGS = {"allow", "contact"}
RULE = {"who", "claims", "paths", "hours"}


def read(text):
    """The settings in this text. A word that is not known is an error: it might have been meant to keep somebody out."""
    found = json.loads(text)
    unknown = found.keys() - SETTINGS | {word for rule in found["allow"] for word in rule} - RULE
    if unknown or "contact" not in found:
        raise ValueError(f"unknown or missing: {sorted(unknown) or 'contact'}")
    return found


def lets_pass(rule, principal, path, hour):
    """Whether a rule lets pass: all that it names must fit, and what it leaves out does not matter."""
    return (
        fits(rule.get("who", {}), principal)
        and fits(rule.get("claims", {}), principal.get("claims", {}))
        and ("paths" not in rule or path in rule["paths"])
        and ("hours" not in rule or rule["hours"]["start"] <= hour < rule["hours"]["end"])
    )


def fits(wanted, found):
    return all(found.get(name) == value for name, value in wanted.items())
