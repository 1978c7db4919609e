# The service on CPUs. How to build and run the image: docs/cluster.md.
FROM python:3.11-slim

# Ray keeps its token in the home folder.
RUN useradd --create-home mask2face
WORKDIR /opt/mask2face
COPY . .
# -e: weights and configs stay beside the code. The extra index has torch without CUDA.
RUN pip install --no-cache-dir -c constraints.txt \
    --extra-index-url https://download.pytorch.org/whl/cpu -e .

USER mask2face
EXPOSE 8000
HEALTHCHECK --start-period=120s --interval=10s --timeout=6s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/readyz', timeout=5)"]
CMD ["mask2face", "serve", "configs/laptop.yaml", "--host", "0.0.0.0"]
