// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/daemon/node_cgroups.h"

#include <systemd/sd-daemon.h>

#include "base/ids.h"
#include "base/memfd.h"
#include "shim/reaper_program.h"

namespace davit::cri {
namespace {

constexpr char kMountPoint[] = "/sys/fs/cgroup";

std::unexpected<Error> CannotWork(const char* reason) {
  return Fail(Code::kUnimplemented, "use cgroup driver", "systemd", reason);
}

Result<SystemdPlacement> PlacementOf(const CgroupConfig& config) {
  auto placement = SystemdPlacement::Make(config.root, config.scope_prefix);
  if (!placement)
    return std::unexpected(Within("use cgroup.root with the driver systemd", placement.error()));
  return placement;
}

// Not an error of one moment.
bool CannotEverWork(const Error& error) {
  return error.code == Code::kInvalidArgument || error.code == Code::kUnimplemented;
}

// A name that no daemon has used before: the scope of an earlier one may be about to end with its last shim.
Result<std::string> ShimScope(const SystemdPlacement& placement) {
  return placement.OwnScope("davit-shims-" + TRY(NewId()).substr(0, 12) + ".scope");
}

}  // namespace

Result<CgroupDriver> ChooseCgroupDriver(CgroupDriverChoice choice, CgroupMode mode, bool systemd_is_init) {
  if (choice == CgroupDriverChoice::kCgroupfs) return CgroupDriver::kCgroupfs;
  if (mode == CgroupMode::kV2 && systemd_is_init) return CgroupDriver::kSystemd;
  if (choice == CgroupDriverChoice::kAuto) return CgroupDriver::kCgroupfs;
  if (!systemd_is_init) return CannotWork("systemd is not PID 1: there is no /run/systemd/system");
  return CannotWork("this host has cgroup v1: the driver needs cgroup v2 alone at /sys/fs/cgroup");
}

Result<std::unique_ptr<NodeCgroups>> NodeCgroups::Open(const CgroupConfig& config, const Logger& log) {
  std::unique_ptr<NodeCgroups> node(new NodeCgroups);
  node->host_ = TRY(CgroupHost::Probe(kMountPoint, config.root));
  CgroupDriver driver = TRY(ChooseCgroupDriver(config.driver, node->host_->mode(), sd_booted() > 0));
  Result<> opened = driver == CgroupDriver::kSystemd ? node->OpenSystemd(config, log) : node->OpenCgroupfs();
  if (!opened && driver == CgroupDriver::kSystemd && config.driver == CgroupDriverChoice::kAuto &&
      CannotEverWork(opened.error())) {
    log.Log(LogLevel::kWarning, "the cgroup driver is cgroupfs", {{"reason", opened.error().ToString()}});
    opened = node->OpenCgroupfs();
  }
  TRY(std::move(opened));
  return node;
}

Result<> NodeCgroups::OpenCgroupfs() {
  systemd_.reset();
  CgroupPath path = TRY(host_->placement().Shims());
  shims_ = TRY(ShimHome::Open([this, path]() -> Result<ShimHome::Made> {
    return ShimHome::Made{TRY(ShimCgroup::Open(*host_, path)), Placeholder()};
  }));
  return {};
}

Result<> NodeCgroups::OpenSystemd(const CgroupConfig& config, const Logger& log) {
  SystemdPlacement placement = TRY(PlacementOf(config));
  bus_ = TRY(SystemdBus::Open({}));
  placeholder_program_ =
      TRY(MakeSealedMemfd("davit-placeholder", shim::ReaperProgram(), MemfdUse::kExecutable));
  SpawnRequest program;
  program.program = "/proc/self/fd/" + std::to_string(placeholder_program_.get());
  program.args = {"davit-placeholder"};
  placeholders_ = TRY(Placeholders::Open(std::move(program)));
  systemd_.emplace(SystemdCgroups::Ports{*host_, *bus_, *placeholders_, UnifiedCgroupOf, log}, placement);
  shims_ = TRY(ShimHome::Open([this] { return MakeShimScope(); }));
  return {};
}

Result<ShimHome::Made> NodeCgroups::MakeShimScope() const {
  CgroupPath path = TRY(CgroupPath::Parse(TRY(ShimScope(systemd_->placement()))));
  Placeholder keeper = TRY(systemd_->CreateOwnScope(path.text(), "Davit shims"));
  ShimCgroup cgroup = TRY(ShimCgroup::Open(*host_, path));
  return ShimHome::Made{std::move(cgroup), std::move(keeper)};
}

}  // namespace davit::cri
