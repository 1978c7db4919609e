"""What a user does on the page, and sees there."""


def is_ticked(page):
    return page.run("document.querySelector('#consent').checked")


def focused(page):
    return page.run("new Promise(requestAnimationFrame).then(() => document.activeElement.id)")


def status(page):
    return page.run("document.querySelector('#status').textContent")


def cut(page):
    """Where the result begins, per cent of the picture's width."""
    style = "getComputedStyle(document.querySelector('#compare'))"
    return float(page.run(f"{style}.getPropertyValue('--cut')").removesuffix("%"))


def problem(page):
    """The title and the detail shown."""
    page.wait_for("!document.querySelector('#problem').hidden")
    return page.run("document.querySelector('#problem').innerText").split("\n")


def consent_to(page, reference):
    page.choose("#reference", reference)
    page.run("document.querySelector('#consent').click()")
    assert is_ticked(page)


def start(page, fake, photo):
    """Starts a run that doesn't end until `fake.may_answer` is set."""
    fake.may_answer.clear()
    page.choose("#photo", photo)
    page.press("#go")
    page.wait_for("!document.querySelector('#cancel').hidden")


def finish(page, fake, photo):
    start(page, fake, photo)
    fake.may_answer.set()
    page.wait_for("!document.querySelector('#result').hidden")
