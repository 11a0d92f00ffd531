// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/init/container_init.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "base/file_io.h"
#include "base/open_beneath.h"
#include "shim/init/console.h"
#include "shim/init/masks.h"
#include "shim/init/mount_api.h"
#include "shim/init/mounts.h"
#include "shim/init/root.h"
#include "shim/init/sources.h"
#include "shim/init/target.h"

namespace davit {
namespace {

// One container's way through init, in the order of the kernel's demands (each step says which).
class Init {
 public:
  Init(InitInputs& inputs, int sync) : inputs_(inputs), plan_(inputs.plan), sync_(sync) {}

  Error Run() {
    Result<> built = Build();
    if (!built) return built.error();
    return BecomeProcess(std::move(inputs_.process), inputs_.rootfs.get(), sync_);
  }

 private:
  Result<> Build() {
    TRY(Detach());
    TRY(JoinPod());
    TRY(OpenHostSide());
    TRY(AwaitRelease(sync_));
    TRY(PrepareCgroups());
    TRY(EnterOwnMountNamespace());
    TRY(BuildTree());
    return FinishRoot();
  }

  // 1. A session of its own, no umask in the way of the modes below, and an end of its own should the shim
  // die before the program runs (the shim's death closes the sync socket as well, but this child may hang
  // elsewhere).
  Result<> Detach() {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
      return SystemError("prctl(PR_SET_PDEATHSIG)", "SIGKILL");
    if (setsid() < 0) return SystemError("setsid", plan_.container_id);
    umask(0);
    return {};
  }

  // 2. The pod's namespaces, before any filesystem that belongs to one of them is made.
  Result<> JoinPod() {
    return JoinPodNamespaces(*inputs_.pod,
                             {.net = !plan_.host_network, .ipc = !plan_.host_ipc, .uts = !plan_.host_uts});
  }

  // 3. Whatever is named by a path of the host, seen from the daemon's mount namespace. This is where a dead
  // NFS server hangs the child, so it joins the container's cgroup only afterwards: a cgroup with a hung
  // process cannot be removed.
  Result<> OpenHostSide() {
    if (!inputs_.host_mounts) {
      prepared_.sources.resize(plan_.mounts.size());
      return {};
    }
    if (setns(inputs_.host_mounts.get(), CLONE_NEWNS) < 0)
      return SystemError("setns", "the daemon's mount namespace");
    prepared_.sources = TRY(OpenSources(plan_.mounts, inputs_.own->proc.get()));
    if (Has(MountKind::kShm) && (plan_.host_ipc || !inputs_.pod->ipc)) {
      prepared_.host_shm = TRY(CloneHostPath("/dev/shm"));
    }
    if (Has(MountKind::kSysfs) && plan_.host_network) prepared_.host_sys = TRY(CloneHostPath("/sys"));
    return {};
  }

  // 4. Once this process is in its cgroup, that can become the root of a cgroup namespace, and of what the
  // container sees of the hierarchies.
  Result<> PrepareCgroups() {
    TRY(JoinCgroups(*inputs_.cgroup));
    std::string proc_cgroup;
    const MountStep* step = Find(MountKind::kCgroup);
    if (step != nullptr) proc_cgroup = TRY(ReadOwnCgroups());
    if (!plan_.host_cgroup && unshare(CLONE_NEWCGROUP) < 0) return SystemError("unshare", "cgroup namespace");
    if (step == nullptr) return {};
    if (!inputs_.cgroup_dir)
      return Fail(Code::kInvalidArgument, "mount", step->target, "no cgroup directory was given");
    prepared_.cgroups =
        TRY(PrepareCgroupMounts(inputs_.cgroup_dir.get(), *step, plan_.host_cgroup, proc_cgroup));
    return {};
  }

  // 5. A copy of the shim's mount namespace, which has a handful of mounts, all private: the host's table is
  // never copied.
  Result<> EnterOwnMountNamespace() {
    if (inputs_.host_mounts && setns(inputs_.own->mount_namespace.get(), CLONE_NEWNS) < 0) {
      return SystemError("setns", "the shim's mount namespace");
    }
    if (unshare(CLONE_NEWNS) < 0) return SystemError("unshare", "mount namespace");
    return {};
  }

  // 6. Mounts, devices, masks: all of it below the new root while the old one is still there to copy mounts
  // from.
  Result<> BuildTree() {
    int root = inputs_.rootfs.get();
    UniqueFd shm = TRY(OpenAt(AT_FDCWD, kShmDir, O_PATH | O_DIRECTORY));
    UniqueFd null = TRY(OpenAt(AT_FDCWD, kNullFile, O_PATH | O_NOFOLLOW));
    TRY(AttachRoot(root));
    TRY(AttachMounts(root, plan_, std::move(prepared_), shm.get()));
    TRY(MakeWorkingDirectory(root));
    TRY(MakePathsReadOnly(root, plan_.read_only_paths));
    TRY(MaskPaths(root, plan_.masked_paths, null.get()));
    return plan_.process.terminal ? MakeConsole(root) : Result<>();
  }

  Result<> MakeConsole(int root) {
    console_ = TRY(OpenConsole(root));
    inputs_.process.terminal = console_.peer.get();
    for (int& stream : inputs_.process.stdio) stream = console_.peer.get();
    int controller[] = {console_.controller.get()};
    return SendSync(sync_, SyncMessage::kConsole, {}, controller);
  }

  // 7. The root itself. Its propagation comes after the pivot, which refuses shared mounts.
  Result<> FinishRoot() {
    int root = inputs_.rootfs.get();
    TRY(PivotInto(root));
    if (plan_.root_propagation != Propagation::kPrivate) {
      TRY(SetPropagation(root, plan_.root_propagation, /*recursive=*/false, "rootfs"));
    }
    return plan_.read_only_root ? SetMountAttributes(root, MOUNT_ATTR_RDONLY, /*recursive=*/false, "rootfs")
                                : Result<>();
  }

  Result<> MakeWorkingDirectory(int root) {
    if (plan_.process.cwd == "/") return {};
    auto made = OpenTarget(root, plan_.process.cwd, TargetKind::kDirectory);
    if (!made) return std::unexpected(Within("working directory", made.error()));
    return {};
  }

  const MountStep* Find(MountKind kind) const {
    auto step = std::find_if(plan_.mounts.begin(), plan_.mounts.end(),
                             [kind](const MountStep& mount) { return mount.kind == kind; });
    return step == plan_.mounts.end() ? nullptr : &*step;
  }
  bool Has(MountKind kind) const { return Find(kind) != nullptr; }

  static Result<UniqueFd> CloneHostPath(const std::string& path) {
    return CloneMount(AT_FDCWD, path, /*recursive=*/true, path);
  }

  Result<std::string> ReadOwnCgroups() const {
    char self[32] = {};
    int proc = inputs_.own->proc.get();
    if (readlinkat(proc, "self", self, sizeof self - 1) < 0) return SystemError("readlink", "/proc/self");
    UniqueFd fd = TRY(OpenBeneath(proc, std::string(self) + "/cgroup", Resolve::kStrict, O_RDONLY));
    return ReadFd(fd.get(), "/proc/self/cgroup");
  }

  InitInputs& inputs_;
  const ContainerPlan& plan_;
  int sync_;
  PreparedMounts prepared_;
  Console console_;
};

}  // namespace

void RunContainerInit(InitInputs& inputs, int sync) {
  inputs.process.plan = &inputs.plan.process;
  ReportAndExit(sync, Init(inputs, sync).Run());
}

}  // namespace davit
