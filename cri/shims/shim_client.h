// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A Shim over a connection to a shim process: requests and events are frames (shim/protocol.h).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/reactor.h"
#include "cri/shims/shim.h"
#include "cri/shims/shim_link.h"
#include "cri/shims/shim_session.h"

namespace davit::cri {

class ShimClient final : public Shim {
 public:
  // Takes over a connection; `connect` makes later ones. `kMeet` means that the shim already serves a
  // sandbox; `events.begin_meeting` follows. The socket may then be empty, as in ShimLink.
  using First = ShimLink::First;
  static std::shared_ptr<ShimClient> Open(Reactor& reactor, const std::string& sandbox_id, UniqueFd socket,
                                          PidFd process, ShimLink::Connect connect, ShimEvents events,
                                          First first);

  Result<PodNamespaces> StartSandbox(const shim::SandboxPlan& plan, int64_t deadline_ms) override;
  Result<StartedContainer> StartContainer(ContainerLaunch launch, int64_t deadline_ms) override;
  void KillContainer(const std::string& container_id) override;
  Result<> ReopenLog(const std::string& container_id, int log, int64_t deadline_ms) override;
  Result<> HandExec(const ExecLaunch& launch, int64_t deadline_ms) override;
  void StartExec(ExecLaunch launch, std::function<void(Result<UniqueFd>)> done) override;
  void Attach(const std::string& container_id, AttachWish wish, StartFrame frame,
              std::function<void(Result<AttachedInput>)> done) override;
  void AskNamespaces(std::function<void(Result<PodNamespaces>)> done) override;
  void CloseInput(const std::string& container_id) override;
  Result<> Shutdown(int64_t deadline_ms) override;
  void Kill() override;
  bool alive() const override { return link_->alive(); }
  void Close() override { link_->Close(); }

 private:
  ShimClient() = default;

  std::shared_ptr<ShimSession> session_;
  std::shared_ptr<ShimLink> link_;
};

}  // namespace davit::cri
