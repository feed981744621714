# kinesis-mock, an endpoint like Amazon Kinesis without Amazon: the npm package that the tests use, as its lock pins it.
FROM node:22.21.1-bookworm-slim
WORKDIR /mock
COPY tests/servers/package.json tests/servers/package-lock.json ./
RUN npm ci --ignore-scripts
ENV KINESIS_MOCK_CERT_PATH=/mock/node_modules/kinesis-local/server.json AWS_REGION=us-east-1
USER node
CMD ["node", "node_modules/kinesis-local/main.js"]
