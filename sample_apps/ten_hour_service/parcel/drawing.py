"""The label as a picture."""

from io import BytesIO

from PIL import Image, ImageDraw

SIZE = (480, 240)


def draw(lines: list[str], zone: int) -> bytes:
    """A PNG with the lines, and the zone large in a corner."""
    picture = Image.new("L", SIZE, 255)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((4, 4, SIZE[0] - 5, SIZE[1] - 5), outline=0, width=3)
    for number, line in enumerate(lines):
        pen.text((24, 28 + 36 * number), line, fill=0)
    pen.text((SIZE[0] - 60, SIZE[1] - 60), str(zone), fill=0, font_size=36)
    file = BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
