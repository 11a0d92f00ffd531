// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cgroup/systemd_cgroups.h"

#include <poll.h>

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "base/file_io.h"
#include "base/rollback.h"
#include "cri/host/cgroup/device_filter.h"
#include "cri/host/cgroup/systemd_properties.h"
#include "cri/host/systemd/unit_name.h"

namespace davit::cri {
namespace {

bool IsUnit(const std::string& path) {
  return IsScope(path) || IsSlice(path);
}

void Append(UnitProperties more, UnitProperties& properties) {
  std::ranges::move(more, std::back_inserter(properties));
}

std::string DescriptionOf(const char* kind, const std::string& path) {
  return std::string("Davit ") + kind + " " + UnitOfPath(path);
}

bool IsUnanswered(const Error& error) {
  return error.code == Code::kDeadlineExceeded || error.code == Code::kUnavailable;
}

// Whose content a change may have to restore. cpu.idle changes the weight, too.
std::vector<CgroupWrite> FilesThatChange(std::vector<CgroupWrite> writes) {
  if (std::ranges::find(writes, "cpu.idle", &CgroupWrite::file) != writes.end())
    writes.insert(writes.begin(), {"cpu", "cpu.weight", ""});
  return writes;
}

// The placeholder is one task, and init the second one.
Result<> CheckRoomForInit(const UnitProperties& limits) {
  const UnitProperty one{"TasksMax", uint64_t{1}};
  if (std::ranges::find(limits, one) == limits.end()) return {};
  return Fail(Code::kInvalidArgument, "limit of a unit", "pids.max = 1",
              "the cgroup driver systemd needs 2 to start a container, and 3 for one whose pod has a user "
              "namespace or a shared PID namespace");
}

}  // namespace

Result<std::string> UnifiedCgroupOf(pid_t pid) {
  std::string file = "/proc/" + std::to_string(pid) + "/cgroup";
  std::string text = TRY(ReadFile(file));
  size_t start = text.starts_with("0::") ? 0 : text.find("\n0::");
  if (start == std::string::npos) return Fail(Code::kNotFound, "parse", file, "no line of cgroup v2");
  start = text.find('/', start);
  return text.substr(start, text.find('\n', start) - start);
}

Result<> SystemdCgroups::CreatePod(const std::string& path) const {
  if (!IsUnit(path)) return ports_.host.CreatePod(path);
  Result<> made = StartUnit(UnitOfPath(path), SliceProperties(DescriptionOf("pod", path), SliceOfPath(path)));
  // By this call, which was repeated after a lost connection, or for a container.
  bool exists = !made && made.error().code == Code::kAlreadyExists;
  return exists ? Result<>() : made;
}

Result<ContainerCgroup> SystemdCgroups::CreateContainer(const std::string& path,
                                                        const CgroupResources& resources,
                                                        std::span<const DeviceRule> devices) const {
  if (!IsUnit(path)) return ports_.host.CreateContainer(path, resources, devices);
  std::vector<CgroupWrite> writes = RoundCpuQuota(TRY(PlanV2Writes(resources, FreshCgroupResources())));
  DeviceFilter filter = TRY(ReduceDeviceRules(devices));
  UnitProperties limits = TRY(LimitProperties(writes, ports_.systemd.version()));
  TRY(CheckRoomForInit(limits));
  LimitTasks(limits);
  Append(OomProperties(writes, ports_.systemd.version()), limits);
  if (!devices.empty()) Append(DeviceProperties(filter), limits);

  ContainerCgroup made;
  made.placeholder = TRY(StartScope(path, DescriptionOf("container", path), limits));
  Rollback rollback;
  rollback.Add([&] { (void)Remove(path); });
  TRY(ports_.host.Prepare(path, writes, devices.empty() ? nullptr : &filter));
  made.fds = TRY(ports_.host.OpenForShim(path));
  if (Result<UniqueFd> oom = ports_.host.OpenOomOfParent(path)) made.fds.parent_oom = std::move(*oom);
  rollback.Dismiss();
  return made;
}

Result<Placeholder> SystemdCgroups::CreateOwnScope(const std::string& path,
                                                   const std::string& description) const {
  UnitProperties limits;
  LimitTasks(limits);
  return StartScope(path, description, limits);
}

Result<Placeholder> SystemdCgroups::StartScope(const std::string& path, const std::string& description,
                                               const UnitProperties& limits) const {
  Placeholder placeholder = TRY(ports_.placeholders.Start());
  UnitProperties properties = ScopeProperties(description, SliceOfPath(path), placeholder.pid());
  Append(limits, properties);
  Result<> started = StartUnit(UnitOfPath(path), properties);
  if (started) started = ExpectIn(path, placeholder.pid());
  if (started || IsOurs(started.error(), path, placeholder.pid())) return placeholder;
  // systemd may read the call, with the pid, when it answers again.
  if (IsUnanswered(started.error())) placeholder.EndAndKeepPid();
  if (started.error().code != Code::kAlreadyExists) (void)RemoveUnit(path);
  return std::unexpected(std::move(started).error());
}

// A call that was repeated after a lost connection finds the scope that it has made, or that is being made.
bool SystemdCgroups::IsOurs(const Error& error, const std::string& path, pid_t pid) const {
  constexpr int kAttempts = 20, kPauseMs = 50;
  if (error.code != Code::kAlreadyExists) return false;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (ExpectIn(path, pid)) return true;
    poll(nullptr, 0, kPauseMs);
  }
  return false;
}

// A unit that has failed keeps its name until it is reset.
Result<> SystemdCgroups::StartUnit(const std::string& unit, const UnitProperties& properties) const {
  Result<> started = ports_.systemd.StartTransientUnit(unit, properties);
  if (started) return started;
  const bool exists = started.error().code == Code::kAlreadyExists;
  const bool has_failed = started.error().code == Code::kFailedPrecondition;
  if (!exists && !has_failed) return started;
  if (!ports_.systemd.ResetFailedUnit(unit) || has_failed) return started;
  return ports_.systemd.StartTransientUnit(unit, properties);
}

Result<> SystemdCgroups::ExpectIn(const std::string& path, pid_t pid) const {
  std::string actual = TRY(ports_.cgroup_of(pid));
  if (actual == path) return {};
  return Fail(Code::kFailedPrecondition, "start scope", path, "its first process is in " + actual);
}

Result<> SystemdCgroups::Update(const std::string& path, const CgroupResources& resources) const {
  if (!IsUnit(path)) return ports_.host.Update(path, resources);
  std::vector<CgroupWrite> writes = RoundCpuQuota(TRY(ports_.host.PlanUpdate(path, resources)));
  TRY(SetLimits(path, writes));
  return ports_.host.Write(path, writes);
}

Result<> SystemdCgroups::SetLimits(const std::string& path, const std::vector<CgroupWrite>& writes) const {
  const std::string unit = UnitOfPath(path);
  std::vector<CgroupWrite> before = ports_.host.ReadBack(path, FilesThatChange(writes));
  UnitProperties limits = TRY(ChangedLimits(before, writes, ports_.systemd.version()));
  if (limits.empty()) return {};
  Result<> set = ports_.systemd.SetUnitProperties(unit, limits);
  if (set) return {};
  if (set.error().code == Code::kNotFound) {
    ports_.log.Log(LogLevel::kWarning, "limits are in the cgroup alone",
                   {{"unit", unit}, {"error", set.error().ToString()}});
    return {};
  }
  // The caller keeps the limits of before: systemd gets them behind those that it may apply later.
  Result<UnitProperties> undone = LimitProperties(before, ports_.systemd.version());
  if (IsUnanswered(set.error()) && undone) (void)ports_.systemd.SetUnitProperties(unit, *undone);
  return set;
}

Result<> SystemdCgroups::Remove(const std::string& path) const {
  if (!IsUnit(path)) return ports_.host.Remove(path);
  // Most containers end by themselves, and their scopes with them.
  if (IsScope(path) && !ports_.host.Exists(path)) return {};
  // systemd would give the processes time to end (TimeoutStopSec=).
  TRY(ports_.host.Kill(path));
  return RemoveUnit(path);
}

Result<> SystemdCgroups::RemoveUnit(const std::string& path) const {
  const std::string unit = UnitOfPath(path);
  Result<> stopped = ports_.systemd.StopUnit(unit);
  if (!stopped && stopped.error().code != Code::kNotFound)
    ports_.log.Log(LogLevel::kWarning, "unit not stopped",
                   {{"unit", unit}, {"error", stopped.error().ToString()}});
  return ports_.host.Remove(path);
}

}  // namespace davit::cri
