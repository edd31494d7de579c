# A box that makes reports at night. It builds without the network from wheels that lie in wheels/:
#   python -m pip wheel -c constraints.txt -w wheels '.[postgres]'
#   docker build -t crm-analytics .
#   docker run --rm -v "$PWD:/srv/crm" crm-analytics run crm.toml
FROM python:3.11-slim
COPY wheels /wheels
RUN python -m pip install --no-cache-dir --no-index --find-links /wheels 'crm-analytics[postgres]' && rm -rf /wheels
RUN useradd --create-home crm
USER crm
WORKDIR /srv/crm
ENTRYPOINT ["crm"]
