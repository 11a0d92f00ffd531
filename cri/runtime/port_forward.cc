// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <sys/socket.h>

#include "base/guarded.h"
#include "cni/netns.h"
#include "cri/network/network_request.h"
#include "cri/runtime/execs.h"
#include "cri/runtime/network_namespace.h"

namespace davit::cri {
namespace {

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

// A socket belongs to the namespace that it was made in, whoever uses it: no process is needed there.
Result<std::vector<UniqueFd>> MakeSocketsIn(Result<UniqueFd> asked) {
  UniqueFd network = TRY(std::move(asked));
  std::vector<UniqueFd> sockets;
  TRY(cni::RunInNetns(network.get(), [&sockets]() -> Result<> {
    sockets = TRY(MakeSockets());
    return {};
  }));
  return sockets;
}

}  // namespace

Result<streaming::ForwardOrder> Execs::OrderPortForward(const v1::PortForwardRequest& request) {
  SandboxPtr sandbox = TRY(ports_.pods.FindSandbox(request.pod_sandbox_id(), Owner::kCri));
  if (!sandbox->ready()) {
    return Fail(Code::kFailedPrecondition, "forward ports of sandbox", sandbox->id(), "it is not ready");
  }
  streaming::ForwardOrder order{sandbox->id(), {}};
  for (int32_t port : request.port()) {
    if (port < 1 || port > UINT16_MAX) {
      return Fail(Code::kInvalidArgument, "validate", "port", std::to_string(port) + " is not a port");
    }
    order.ports.push_back(static_cast<uint16_t>(port));
  }
  return order;
}

void Execs::OpenSockets(const std::string& sandbox_id, OnSockets on_sockets) {
  ports_.workers.Post([this, sandbox_id, on_sockets] {
    Result<> begun =
        Guarded("forward ports of sandbox", sandbox_id, [&] { return BeginForward(sandbox_id, on_sockets); });
    if (!begun) on_sockets(std::unexpected(std::move(begun).error()));
  });
}

Result<> Execs::BeginForward(const std::string& sandbox_id, const OnSockets& on_sockets) {
  SandboxPtr sandbox = TRY(ports_.pods.FindSandbox(sandbox_id));
  if (!HasOwnNetwork(sandbox->config())) {
    on_sockets(MakeSockets());
    return {};
  }
  AskNetworkNamespace(sandbox, ports_.workers, [on_sockets](Result<UniqueFd> network) {
    on_sockets(Guarded("open sockets", "port forward", [&] { return MakeSocketsIn(std::move(network)); }));
  });
  return {};
}

}  // namespace davit::cri
