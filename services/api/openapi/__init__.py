"""The OpenAPI document and the page /docs."""
