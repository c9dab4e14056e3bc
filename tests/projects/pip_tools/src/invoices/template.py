"""The invoice, as Markdown with mustaches."""

TEMPLATE = """\
# Invoice for {{customer}}

| item | pieces | each |
|---|---|---|
{{#items}}
| {{name}} | {{pieces}} | {{price}} |
{{/items}}

Net {{net}}, tax {{tax}}, **to pay by {{due}}: {{gross}}**
"""
