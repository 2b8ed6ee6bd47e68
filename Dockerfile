# SPDX-License-Identifier: Apache-2.0
# One image for the worker, the commands and the demo; without root, and fine with a read-only file system.
FROM python:3.11-slim AS build
WORKDIR /build
RUN python -m venv /opt/sketchwatch
COPY pyproject.toml constraints.txt README.md LICENSE sketchwatch.py ./
COPY sketches sketches
COPY topics topics
COPY windows windows
COPY stream stream
RUN /opt/sketchwatch/bin/pip install --no-cache-dir --constraint constraints.txt '.[registry,demo]'

FROM python:3.11-slim
COPY --from=build /opt/sketchwatch /opt/sketchwatch
COPY examples /opt/sketchwatch/examples
ENV PATH=/opt/sketchwatch/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp
WORKDIR /opt/sketchwatch
USER 10001:10001
ENTRYPOINT ["sketchwatch"]
CMD ["--help"]
