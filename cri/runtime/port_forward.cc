// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <sys/socket.h>

#include "base/codec.h"
#include "cni/netns.h"
#include "cri/runtime/runtime.h"

namespace davit {
namespace {

bool UsesHostNetwork(const Sandbox& sandbox) {
  return sandbox.config().linux().security_context().namespace_options().network() == v1::NODE;
}

// A family that this kernel or this namespace does without is left out.
Result<std::vector<UniqueFd>> MakeSockets() {
  std::vector<UniqueFd> sockets;
  for (int family : {AF_INET, AF_INET6}) {
    UniqueFd made(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (made) sockets.push_back(std::move(made));
  }
  if (sockets.empty()) return SystemError("socket", "port forward");
  return sockets;
}

}  // namespace

Result<ForwardOrder> Runtime::OrderPortForward(const v1::PortForwardRequest& request) {
  SandboxPtr sandbox = TRY(pods_.FindSandbox(request.pod_sandbox_id()));
  if (!sandbox->ready()) {
    return Fail(Code::kFailedPrecondition, "forward ports of sandbox", sandbox->id(), "it is not ready");
  }
  ForwardOrder order{sandbox->id(), {}};
  for (int32_t port : request.port()) {
    if (port < 1 || port > UINT16_MAX) {
      return Fail(Code::kInvalidArgument, "validate", "port", std::to_string(port) + " is not a port");
    }
    order.ports.push_back(static_cast<uint16_t>(port));
  }
  return order;
}

void Runtime::OpenSockets(const std::string& sandbox_id, OnSockets on_sockets) {
  streams_.Post([this, sandbox_id, on_sockets] { on_sockets(OpenPodSockets(sandbox_id)); });
}

// A socket belongs to the namespace that it was made in, whoever uses it: no process is needed there.
Result<std::vector<UniqueFd>> Runtime::OpenPodSockets(const std::string& sandbox_id) {
  SandboxPtr sandbox = TRY(pods_.FindSandbox(sandbox_id));
  if (UsesHostNetwork(*sandbox)) return MakeSockets();
  std::shared_ptr<ShimLink> link = TRY(LinkOf(*sandbox));
  Frame reply = TRY(link->Call(ShimMessage::kHello, {}, {}, OperationDeadline()));
  HelloReply hello = TRY(Decode<HelloReply>(reply.payload, "HelloReply"));
  if (!hello.has_netns || reply.fds.empty()) {
    return Fail(Code::kInternal, "forward ports of sandbox", sandbox_id, "its shim has no network namespace");
  }
  std::vector<UniqueFd> sockets;
  TRY(RunInNetns(reply.fds.back().get(), [&sockets]() -> Result<> {
    sockets = TRY(MakeSockets());
    return {};
  }));
  return sockets;
}

}  // namespace davit
