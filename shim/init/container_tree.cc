// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/init/container_tree.h"

#include <fcntl.h>
#include <sched.h>

#include "base/file_io.h"
#include "base/open_beneath.h"
#include "shim/init/image_volumes.h"
#include "shim/init/masks.h"
#include "shim/init/mount_api.h"
#include "shim/init/mounts.h"
#include "shim/init/own_process.h"
#include "shim/init/root.h"
#include "shim/init/sources.h"
#include "shim/init/target.h"
#include "shim/init/user_namespace.h"

namespace davit::shim {
namespace {

// Step by step, in the order of the kernel's demands (each step says which).
class Builder {
 public:
  explicit Builder(InitInputs& inputs) : inputs_(inputs), plan_(inputs.plan) {}

  Result<ContainerTree> Run() {
    TRY(JoinPod());
    TRY(OpenHostSide());
    TRY(PrepareCgroups());
    TRY(EnterOwnMountNamespace());
    TRY(BuildTree());
    TRY(FinishRoot());
    TRY(LockTree());
    tree_.root = TRY(OpenAt(AT_FDCWD, "/", O_PATH | O_DIRECTORY));
    return std::move(tree_);
  }

 private:
  // The pod's namespaces, before any filesystem that belongs to one of them is made.
  Result<> JoinPod() { return JoinPodNamespaces(*inputs_.pod, NamespacesOf(plan_)); }

  // Whatever is named by a path of the host, seen from the daemon's mount namespace. This is where a dead
  // NFS server hangs the child, so it joins the container's cgroup only afterwards: a cgroup with a hung
  // process cannot be removed.
  Result<> OpenHostSide() {
    if (!inputs_.host_mounts) {
      prepared_.sources.resize(plan_.mounts.size());
      return {};
    }
    if (setns(inputs_.host_mounts.get(), CLONE_NEWNS) < 0)
      return SystemError("setns", "the daemon's mount namespace");
    prepared_.sources =
        TRY(OpenSources(plan_, inputs_.pod->user.get(), inputs_.own->proc.get(), *inputs_.progress));
    if (Has(MountKind::kShm) && (plan_.host_ipc || !inputs_.pod->ipc)) {
      prepared_.host_shm = TRY(CloneHostPath("/dev/shm"));
    }
    if (Has(MountKind::kSysfs) && plan_.host_network) prepared_.host_sys = TRY(CloneHostPath("/sys"));
    return {};
  }

  // Once this process is in the container's cgroups, they can become the roots of a cgroup namespace, and of
  // what the container sees of the hierarchies. A builder apart from the first process is not in the v2 one.
  Result<> PrepareCgroups() {
    TRY(JoinCgroups(*inputs_.cgroup));
    CgroupSources sources{inputs_.cgroup_dir.get(), inputs_.cgroup->unified.get(), plan_.host_cgroup, {}};
    const MountStep* step = FindMount(plan_, MountKind::kCgroup);
    if (step != nullptr) sources.own_cgroups = TRY(ReadOwnCgroups());
    if (!plan_.host_cgroup && unshare(CLONE_NEWCGROUP) < 0) return SystemError("unshare", "cgroup namespace");
    if (step == nullptr) return {};
    if (!inputs_.cgroup_dir)
      return Fail(Code::kInvalidArgument, "mount", step->target, "no cgroup directory was given");
    prepared_.cgroups = TRY(PrepareCgroupMounts(sources, *step));
    return {};
  }

  // A copy of the shim's mount namespace, which has a handful of mounts, all private: the host's table is
  // never copied.
  Result<> EnterOwnMountNamespace() {
    if (inputs_.host_mounts && setns(inputs_.own->mount_namespace.get(), CLONE_NEWNS) < 0) {
      return SystemError("setns", "the shim's mount namespace");
    }
    if (unshare(CLONE_NEWNS) < 0) return SystemError("unshare", "mount namespace");
    TRY(TakeImageVolumes(plan_, std::move(inputs_.images), prepared_.sources));
    if (plan_.ids.empty()) return {};
    TRY(MakeFilesAsRootOf(plan_.ids));
    return DieWithShim();
  }

  // Mounts, devices, masks: all of it below the new root while the old one is still there to copy mounts
  // from.
  Result<> BuildTree() {
    prepared_.procfs = std::move(inputs_.procfs);
    int root = inputs_.rootfs.get();
    UniqueFd shm = TRY(OpenAt(AT_FDCWD, kShmDir, O_PATH | O_DIRECTORY));
    UniqueFd null = TRY(OpenAt(AT_FDCWD, kNullFile, O_PATH | O_NOFOLLOW));
    TRY(AttachRoot(root));
    TRY(AttachMounts(root, plan_, std::move(prepared_), shm.get()));
    TRY(MakeWorkingDirectory(root));
    TRY(MakePathsReadOnly(root, plan_.read_only_paths));
    TRY(MaskPaths(root, plan_.masked_paths, null.get(), plan_.process.selinux.files));
    if (plan_.process.terminal) tree_.console = TRY(OpenConsole(root, inputs_.window));
    return {};
  }

  // The root itself. Its propagation comes after the pivot, which refuses shared mounts.
  Result<> FinishRoot() {
    int root = inputs_.rootfs.get();
    TRY(PivotInto(root));
    if (plan_.root_propagation != Propagation::kPrivate) {
      TRY(SetPropagation(root, plan_.root_propagation, /*recursive=*/false, "rootfs"));
    }
    return plan_.read_only_root ? SetMountAttributes(root, MOUNT_ATTR_RDONLY, /*recursive=*/false, "rootfs")
                                : Result<>();
  }

  // In the copy of the namespace that belongs to the user namespace every mount is locked: its flags and its
  // place are not the container's to change, whatever its capabilities (mount_namespaces(7)).
  Result<> LockTree() {
    if (plan_.ids.empty()) return {};
    TRY(EnterUserNamespace(inputs_.pod->user.get()));
    TRY(DieWithShim());
    int namespaces = CLONE_NEWNS | (plan_.host_cgroup ? 0 : CLONE_NEWCGROUP);
    if (unshare(namespaces) < 0) return SystemError("unshare", "namespaces of the pod's user namespace");
    return {};
  }

  Result<> MakeWorkingDirectory(int root) {
    if (plan_.process.cwd == "/") return {};
    auto made = OpenTarget(root, plan_.process.cwd, TargetKind::kDirectory);
    if (!made) return std::unexpected(Within("working directory", made.error()));
    return {};
  }

  bool Has(MountKind kind) const { return FindMount(plan_, kind) != nullptr; }

  static Result<UniqueFd> CloneHostPath(const std::string& path) {
    return CloneMount(AT_FDCWD, path, /*recursive=*/true, path);
  }

  Result<std::string> ReadOwnCgroups() const {
    int proc = inputs_.own->proc.get();
    std::string file = TRY(OwnProcName(proc)) + "/cgroup";
    UniqueFd fd = TRY(OpenBeneath(proc, file, Resolve::kStrict, O_RDONLY));
    return ReadFd(fd.get(), "/proc/self/cgroup");
  }

  InitInputs& inputs_;
  const ContainerPlan& plan_;
  PreparedMounts prepared_;
  ContainerTree tree_;
};

}  // namespace

Result<ContainerTree> BuildContainerTree(InitInputs& inputs) {
  return Builder(inputs).Run();
}

}  // namespace davit::shim
