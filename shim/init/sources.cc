// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/init/sources.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/file_io.h"
#include "base/idmapped_mount.h"
#include "shim/init/mount_api.h"
#include "shim/init/own_process.h"
#include "shim/init/propagation.h"
#include "shim/init/relabel.h"
#include "shim/init/user_namespace.h"

namespace davit::shim {
namespace {

// mkdir -p on the host: the kubelet expects of a runtime that a missing host path becomes a directory.
Result<> MakeSourceDirectory(const std::string& path) {
  for (size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    if (mkdir(path.substr(0, slash).c_str(), 0755) < 0 && errno != EEXIST) return SystemError("mkdir", path);
  }
  if (mkdir(path.c_str(), 0755) < 0 && errno != EEXIST) return SystemError("mkdir", path);
  return {};
}

Result<UniqueFd> OpenSource(const MountStep& step) {
  if (!step.source.starts_with('/'))
    return Fail(Code::kInvalidArgument, "open source", step.source, "not absolute");
  auto source = OpenAt(AT_FDCWD, step.source, O_PATH);
  if (!source && source.error().os_errno == ENOENT && !step.source_must_exist) {
    TRY(MakeSourceDirectory(step.source));
    source = OpenAt(AT_FDCWD, step.source, O_PATH);
  }
  if (!source) return std::unexpected(Within("mount source", source.error()));
  return source;
}

Result<std::string> OwnMountInfo(int proc_fd) {
  return ReadFileAt(proc_fd, TRY(OwnProcName(proc_fd)) + "/mountinfo");
}

// Hands out user namespaces for idmapped mounts: the pod's for the pod's own ids, new ones for others.
class IdMappings {
 public:
  IdMappings(const IdMap& pod_ids, int pod_user_namespace, int proc_fd)
      : pod_ids_(pod_ids), pod_user_namespace_(pod_user_namespace), proc_fd_(proc_fd) {}

  Result<> Apply(int mount_fd, const MountStep& step) {
    if (step.ids.empty()) return {};
    if (step.ids == pod_ids_) return IdmapMount(mount_fd, pod_user_namespace_, step.source);
    UniqueFd other = TRY(MakeUserNamespace(step.ids, proc_fd_));
    return IdmapMount(mount_fd, other.get(), step.source);
  }

 private:
  const IdMap& pod_ids_;
  int pod_user_namespace_;
  int proc_fd_;
};

// Relabels the sources that the plan names. Clients determine how many these are, so they are sorted once.
class Relabels {
 public:
  Relabels(const SeLinuxPlan& selinux, int proc_fd)
      : selinux_(selinux), proc_fd_(proc_fd), targets_(selinux.relabel.begin(), selinux.relabel.end()) {
    std::ranges::sort(targets_);
  }

  Result<> Apply(int source_fd, const MountStep& step) const {
    if (!std::ranges::binary_search(targets_, std::string_view(step.target))) return {};
    return Relabel(source_fd, selinux_.files, selinux_.relabel_within, proc_fd_);
  }

 private:
  const SeLinuxPlan& selinux_;
  int proc_fd_;
  std::vector<std::string_view> targets_;
};

Result<UniqueFd> CloneSource(const MountStep& step, const Relabels& relabels, IdMappings& ids,
                             PropagationCheck& propagation) {
  UniqueFd source = TRY(OpenSource(step));
  TRY(relabels.Apply(source.get(), step));
  TRY(propagation.Add(source.get(), step));
  UniqueFd mount = TRY(CloneMount(source.get(), "", step.recursive_bind, step.source));
  TRY(ids.Apply(mount.get(), step));
  return mount;
}

}  // namespace

Result<std::vector<UniqueFd>> OpenSources(const ContainerPlan& plan, int user_namespace, int proc_fd,
                                          Progress& progress) {
  IdMappings ids(plan.ids, user_namespace, proc_fd);
  Relabels relabels(plan.process.selinux, proc_fd);
  PropagationCheck propagation;
  std::vector<UniqueFd> sources(plan.mounts.size());
  for (size_t i = 0; i < plan.mounts.size(); ++i) {
    if (plan.mounts[i].kind != MountKind::kBind) continue;
    progress.Say("mount source " + plan.mounts[i].source);
    sources[i] = TRY(CloneSource(plan.mounts[i], relabels, ids, propagation));
  }
  progress.Say("");
  TRY(propagation.Run([proc_fd] { return OwnMountInfo(proc_fd); }));
  return sources;
}

}  // namespace davit::shim
