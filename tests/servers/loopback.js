// kinesis-mock listens on all interfaces and has no option for it: loaded before it, this keeps it on the loopback.
const net = require("net");
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (first, ...rest) {
  const told = typeof first === "object" && first !== null ? first : { port: first };
  const callback = rest.find((argument) => typeof argument === "function");
  return listen.call(this, { ...told, host: "127.0.0.1" }, callback);
};
