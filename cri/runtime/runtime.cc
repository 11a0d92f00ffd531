// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/runtime.h"

#include "base/codec.h"

namespace davit {
namespace {
constexpr int kJanitorThreads = 2;
constexpr int kWorkerThreads = 2;
constexpr int kStreamThreads = 4;  // each waits for a shim
}  // namespace

Runtime::Runtime(Host host)
    : host_(std::move(host)),
      shims_(host_.shims),
      janitor_(kJanitorThreads),
      workers_(kWorkerThreads),
      streams_(kStreamThreads) {}

Runtime::~Runtime() {
  // No event may reach an object that is going; the shims notice nothing but the end of a connection.
  for (const SandboxPtr& sandbox : pods_.Sandboxes()) {
    if (std::shared_ptr<ShimLink> link = sandbox->link()) link->Close().wait();
  }
}

Persisted<SandboxRecord>::Write Runtime::SandboxWriter() {
  return
      [this](const SandboxRecord& record) { return host_.records.PutSandbox({record.id, Encode(record)}); };
}

Persisted<ContainerRecord>::Write Runtime::ContainerWriter() {
  return [this](const ContainerRecord& record) {
    return host_.records.PutContainer({record.id, record.sandbox_id, Encode(record)});
  };
}

std::string Runtime::SandboxDir(const std::string& sandbox_id) const {
  return host_.config.state + "/sandboxes/" + sandbox_id;
}

PodFiles Runtime::PodFilesOf(const std::string& sandbox_id) const {
  std::string dir = SandboxDir(sandbox_id);
  return PodFiles{dir + "/hosts", dir + "/resolv.conf", dir + "/hostname"};
}

Result<std::shared_ptr<ShimLink>> Runtime::LinkOf(const Sandbox& sandbox) const {
  std::shared_ptr<ShimLink> link = sandbox.link();
  if (link == nullptr || !link->alive()) {
    return Fail(Code::kUnavailable, "reach shim of sandbox", sandbox.id(),
                "it is gone or does not answer yet");
  }
  return link;
}

v1::LinuxContainerResources Runtime::ResourcesOf(const Container& container) const {
  return container.record().Read(
      [&container](const ContainerRecord& r) { return RecordedResources(container.config(), r); });
}

}  // namespace davit
