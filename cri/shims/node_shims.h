// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The shims of this node, as real processes.
#pragma once

#include "base/reactor.h"
#include "cri/shims/shim_launcher.h"
#include "cri/shims/shim_link.h"
#include "cri/shims/shim_reserve.h"
#include "cri/shims/shims.h"

namespace davit::cri {

class NodeShims final : public Shims {
 public:
  // Both must outlive the object. All connections are read on the reactor's thread.
  NodeShims(ShimLauncher& launcher, Reactor& reactor)
      : launcher_(launcher), reactor_(reactor), reserve_(launcher) {}

  Result<NewShim> Take() override { return reserve_.Take(); }
  void Refill(std::chrono::milliseconds patience) override { reserve_.Refill(patience); }
  Result<> Health() const override { return reserve_.Health(); }
  ShimPtr Adopt(NewShim shim, ShimEvents events) override;
  void Discard(NewShim shim) override { launcher_.Discard(std::move(shim)); }
  Result<ShimPtr> Meet(const std::string& sandbox_id, const ProcessIdentity& identity,
                       ShimEvents events) override;
  void End(const std::string& sandbox_id, const ProcessIdentity& identity) override;
  size_t EndStrays(const std::set<std::string>& known) override;
  void RemoveSocket(const std::string& sandbox_id) override { launcher_.RemoveSocket(sandbox_id); }
  Result<shim::ContainerExited> ReadExitRecord(const std::string& container_id) const override {
    return launcher_.ReadExitRecord(container_id);
  }
  void RemoveExitRecord(const std::string& container_id) override {
    launcher_.RemoveExitRecord(container_id);
  }

 private:
  ShimLink::Connect ConnectorTo(const std::string& sandbox_id);
  std::unexpected<Error> MeetUnrecorded(const std::string& sandbox_id);
  // Asks a shim whose process is in no record to shut down.
  void EndUnrecorded(const std::string& sandbox_id);

  ShimLauncher& launcher_;
  Reactor& reactor_;
  ShimReserve reserve_;
};

}  // namespace davit::cri
