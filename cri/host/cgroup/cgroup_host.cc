// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cgroup/cgroup_host.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>

#include "base/file_io.h"
#include "cri/host/cgroup/apply.h"
#include "cri/host/cgroup/cgroup_path.h"
#include "cri/host/cgroup/construction.h"
#include "cri/host/cgroup/freezing.h"

namespace davit::cri {
namespace {

// Relative to a hierarchy's root.
Result<std::string> Relative(const std::string& path) {
  return TRY(CgroupPath::Parse(path)).relative();
}

// For what removes: an old record may hold a path that no cgroup can have. Such a cgroup does not exist.
std::optional<std::string> RelativeIfValid(const std::string& path) {
  Result<CgroupPath> parsed = CgroupPath::Parse(path);
  return parsed ? std::optional(parsed->relative()) : std::nullopt;
}

Result<UniqueFd> OpenFile(const CgroupHierarchy& hierarchy, const std::string& path, const char* file,
                          int flags) {
  return OpenAt(hierarchy.dir.get(), path + "/" + file, flags);
}

CgroupMode ModeOf(const std::vector<CgroupHierarchy>& hierarchies) {
  bool v1 = std::ranges::any_of(hierarchies, [](const CgroupHierarchy& h) { return !h.v2; });
  bool v2 = std::ranges::any_of(hierarchies, &CgroupHierarchy::v2);
  if (!v1) return CgroupMode::kV2;
  return v2 ? CgroupMode::kHybrid : CgroupMode::kV1;
}

Result<> WriteV1DeviceFilter(const CgroupHierarchy& hierarchy, const std::string& path,
                             const DeviceFilter& filter) {
  TRY(WriteFileAt(hierarchy.dir.get(), path + "/devices.deny", "a"));
  UniqueFd allow = TRY(OpenFile(hierarchy, path, "devices.allow", O_WRONLY));
  for (const DeviceRule& rule : filter.allowed) {
    std::string text = FormatDeviceRule(rule);
    if (write(allow.get(), text.data(), text.size()) >= 0) continue;
    Error error = SystemError("allow device", path + ": " + text).error();
    if (error.os_errno == EPERM) error.context = "a parent cgroup denies it";
    return std::unexpected(std::move(error));
  }
  return {};
}

}  // namespace

Result<CgroupHost> CgroupHost::Probe(const std::string& mount_point, const std::string& root) {
  std::vector<CgroupHierarchy> hierarchies = TRY(FindHierarchies(mount_point));
  CgroupMode mode = ModeOf(hierarchies);
  if (mode == CgroupMode::kHybrid) {
    // A controller that v2 has because no v1 hierarchy took it is not used: enabling it would forbid
    // processes in every cgroup on the way to a container, also in those that are not ours.
    for (CgroupHierarchy& hierarchy : hierarchies) {
      if (hierarchy.v2) hierarchy.controllers.clear();
    }
  }
  return CgroupHost(mount_point, root, mode, std::move(hierarchies));
}

bool CgroupHost::HasController(std::string_view controller) const {
  return FindController(hierarchies_, controller) != nullptr;
}

const CgroupHierarchy* CgroupHost::Unified() const {
  auto found = std::ranges::find_if(hierarchies_, &CgroupHierarchy::v2);
  return found == hierarchies_.end() ? nullptr : &*found;
}

Result<> CgroupHost::Create(const std::string& path, const CgroupResources& resources,
                            std::span<const DeviceRule> devices) const {
  std::string relative = TRY(Relative(path));
  std::vector<CgroupWrite> writes = TRY(PlanWrites(mode_, resources, FreshCgroupResources()));
  DeviceFilter filter = TRY(ReduceDeviceRules(devices));

  CgroupConstruction construction(hierarchies_, relative);
  TRY(construction.Make());
  TRY(construction.InheritCpuset());
  TRY(Prepare(path, writes, devices.empty() ? nullptr : &filter));
  construction.Keep();
  return {};
}

Result<> CgroupHost::Prepare(const std::string& path, const std::vector<CgroupWrite>& writes,
                             const DeviceFilter* devices) const {
  std::string relative = TRY(Relative(path));
  TRY(CgroupConstruction(hierarchies_, relative).EnableControllers());
  TRY(ApplyWrites(hierarchies_, relative, writes));
  return devices == nullptr || devices->allow_all ? Result<>() : LimitDevices(relative, *devices);
}

Result<> CgroupHost::CreatePod(const std::string& path) const {
  return Create(path, CgroupResources(), /*devices=*/{});
}

Result<ContainerCgroup> CgroupHost::CreateContainer(const std::string& path, const CgroupResources& resources,
                                                    std::span<const DeviceRule> devices) const {
  TRY(Create(path, resources, devices));
  ContainerCgroup made;
  made.fds = TRY(OpenForShim(path));
  return made;
}

Result<> CgroupHost::CreateWhereMissing(const std::string& path) const {
  CgroupConstruction construction(hierarchies_, TRY(Relative(path)));
  TRY(construction.MakeMissing());
  TRY(construction.InheritCpuset());
  TRY(construction.EnableControllers());
  construction.Keep();
  return {};
}

Result<> CgroupHost::LimitDevices(const std::string& path, const DeviceFilter& filter) const {
  if (const CgroupHierarchy* v1 = FindController(hierarchies_, "devices")) {
    return WriteV1DeviceFilter(*v1, path, filter);
  }
  const CgroupHierarchy* v2 = Unified();
  if (v2 == nullptr)
    return Fail(Code::kUnimplemented, "limit devices", path, "this host has no devices controller");
  std::shared_ptr<UniqueFd> program = TRY(programs_->Load(filter));
  UniqueFd cgroup = TRY(OpenAt(v2->dir.get(), path, O_RDONLY | O_DIRECTORY));
  return AttachDeviceProgram(cgroup.get(), program->get(), path);
}

Result<> CgroupHost::Update(const std::string& path, const CgroupResources& resources) const {
  return Write(path, TRY(PlanUpdate(path, resources)));
}

Result<std::vector<CgroupWrite>> CgroupHost::PlanUpdate(const std::string& path,
                                                        const CgroupResources& resources) const {
  std::string relative = TRY(Relative(path));
  CgroupResources current = TRY(ReadCurrent(mode_, hierarchies_, relative, resources));
  TRY(MakeRoomFor(hierarchies_, relative, resources.memory_limit.value_or(-1)));
  return PlanWrites(mode_, resources, current);
}

Result<> CgroupHost::Write(const std::string& path, const std::vector<CgroupWrite>& writes) const {
  return ApplyWrites(hierarchies_, TRY(Relative(path)), writes);
}

std::vector<CgroupWrite> CgroupHost::ReadBack(const std::string& path,
                                              const std::vector<CgroupWrite>& writes) const {
  std::vector<CgroupWrite> now;
  std::optional<std::string> relative = RelativeIfValid(path);
  if (!relative) return now;
  for (const CgroupWrite& write : writes) {
    const CgroupHierarchy* hierarchy = FindController(hierarchies_, write.controller);
    if (hierarchy == nullptr) continue;
    Result<std::string> content = ReadFileAt(hierarchy->dir.get(), *relative + "/" + write.file);
    if (content) now.push_back({write.controller, write.file, std::move(*content)});
  }
  return now;
}

Result<> CgroupHost::Freeze(const std::string& path) const {
  return FreezeCgroup(hierarchies_, TRY(Relative(path)), kFreezeTimeoutMs);
}

Result<> CgroupHost::Thaw(const std::string& path) const {
  return ThawCgroup(hierarchies_, TRY(Relative(path)));
}

Result<bool> CgroupHost::Frozen(const std::string& path) const {
  return IsCgroupFrozen(hierarchies_, TRY(Relative(path)));
}

Result<ShimCgroupFds> CgroupHost::OpenForShim(const std::string& path) const {
  std::string relative = TRY(Relative(path));
  ShimCgroupFds fds;
  if (const CgroupHierarchy* unified = Unified()) {
    fds.unified = TRY(OpenAt(unified->dir.get(), relative, O_RDONLY | O_DIRECTORY));
    fds.kill = TRY(OpenFile(*unified, relative, "cgroup.kill", O_WRONLY));
    fds.procs.push_back(TRY(OpenFile(*unified, relative, "cgroup.procs", O_RDWR)));
  }
  for (const CgroupHierarchy& hierarchy : hierarchies_) {
    if (!hierarchy.v2) fds.procs.push_back(TRY(OpenFile(hierarchy, relative, "tasks", O_RDWR)));
  }
  if (const CgroupHierarchy* memory = FindController(hierarchies_, "memory")) {
    fds.oom = TRY(OpenFile(*memory, relative, memory->v2 ? "memory.events" : "memory.oom_control", O_RDONLY));
  }
  return fds;
}

Result<UniqueFd> CgroupHost::OpenOomOfParent(const std::string& path) const {
  std::string relative = TRY(Relative(path));
  size_t slash = relative.rfind('/');
  const CgroupHierarchy* unified = Unified();
  if (unified == nullptr || slash == std::string::npos)
    return Fail(Code::kUnimplemented, "open memory.events", path, "it has no parent with such a file");
  return OpenFile(*unified, relative.substr(0, slash), "memory.events", O_RDONLY);
}

Result<UniqueFd> CgroupHost::OpenMountPoint() const {
  return OpenAt(AT_FDCWD, mount_point_, O_PATH | O_DIRECTORY);
}

Result<> CgroupHost::Kill(const std::string& path, int timeout_ms) const {
  std::optional<std::string> relative = RelativeIfValid(path);
  return relative ? KillCgroup(hierarchies_, *relative, timeout_ms) : Result<>();
}

Result<> CgroupHost::Remove(const std::string& path) const {
  std::optional<std::string> relative = RelativeIfValid(path);
  if (!relative) return {};
  for (const CgroupHierarchy& hierarchy : hierarchies_) TRY(RemoveCgroup(hierarchies_, hierarchy, *relative));
  return {};
}

Result<bool> CgroupHost::Populated(const std::string& path) const {
  std::optional<std::string> relative = RelativeIfValid(path);
  return relative ? IsPopulated(hierarchies_, *relative) : false;
}

bool CgroupHost::Exists(const std::string& path) const {
  std::optional<std::string> relative = RelativeIfValid(path);
  return relative && std::ranges::any_of(hierarchies_, [&](const CgroupHierarchy& hierarchy) {
           return faccessat(hierarchy.dir.get(), relative->c_str(), F_OK, 0) == 0;
         });
}

Result<std::vector<std::string>> CgroupHost::Children(const std::string& path) const {
  std::string relative = path == "/" ? "" : TRY(Relative(path));
  std::set<std::string> names;
  for (const CgroupHierarchy& hierarchy : hierarchies_) {
    for (std::string& name : TRY(ChildCgroups(hierarchy, relative))) names.insert(std::move(name));
  }
  return std::vector<std::string>(names.begin(), names.end());
}

Result<int64_t> CgroupHost::OomKills(const std::string& path) const {
  std::string relative = TRY(Relative(path));
  const CgroupHierarchy* memory = FindController(hierarchies_, "memory");
  if (memory == nullptr) return 0;
  const char* file = memory->v2 ? "/memory.events" : "/memory.oom_control";
  return ValueOfKey(TRY(ReadFileAt(memory->dir.get(), relative + file)), "oom_kill");
}

Result<ExecCgroups::Lease> CgroupHost::LendToExec(ExecCgroups& execs, const std::string& path,
                                                  const std::string& exec_id) const {
  return execs.Take(*this, path, exec_id);
}

}  // namespace davit::cri
