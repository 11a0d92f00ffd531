// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/network_namespace.h"

#include <memory>
#include <utility>

namespace davit::cri {
namespace {

Result<UniqueFd> NetworkIn(const std::string& sandbox_id, Result<PodNamespaces>& answer) {
  UniqueFd network = TRY(std::move(answer)).network;
  if (network) return network;
  return Fail(Code::kInternal, "enter network of sandbox", sandbox_id, "its shim has no network namespace");
}

}  // namespace

// Not on the reactor's thread, which carries the answer: to enter a namespace takes a thread of its own.
void AskNetworkNamespace(const SandboxPtr& sandbox, WorkerPool& workers,
                         const std::function<void(Result<UniqueFd>)>& done) {
  Result<ShimPtr> shim = sandbox->LiveShim();
  if (!shim) return done(std::unexpected(std::move(shim).error()));
  (*shim)->AskNamespaces([id = sandbox->id(), &workers, done](Result<PodNamespaces> asked) {
    auto answer = std::make_shared<Result<PodNamespaces>>(std::move(asked));
    workers.Post([id, done, answer] { done(NetworkIn(id, *answer)); });
  });
}

}  // namespace davit::cri
