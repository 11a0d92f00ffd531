// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/init/mounts.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>

#include "base/file_io.h"
#include "base/selinux_attribute.h"
#include "shim/init/dev.h"
#include "shim/init/mount_api.h"
#include "shim/init/target.h"

namespace davit::shim {
namespace {

constexpr std::string_view kDev = "/dev";

bool IsOwnDev(const MountStep& step) {
  return step.kind == MountKind::kTmpfs && step.target == kDev;
}

bool IsDirectory(int fd) {
  struct stat st;
  return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

// An image may hold symlinks where these go; a bind or tmpfs follows them inside the root, a kernel
// filesystem does not.
bool NeedsRealDirectory(const MountStep& step) {
  return step.kind == MountKind::kProc || step.kind == MountKind::kSysfs || IsOwnDev(step);
}

Result<UniqueFd> OpenStepTarget(int root_fd, const MountStep& step, int mount_fd) {
  if (NeedsRealDirectory(step)) return OpenRealDirectory(root_fd, step.target);
  TargetKind kind = IsDirectory(mount_fd) ? TargetKind::kDirectory : TargetKind::kFile;
  UniqueFd target = TRY(OpenTarget(root_fd, step.target, kind));
  struct statfs st;
  if (fstatfs(target.get(), &st) < 0) return SystemError("fstatfs", step.target);
  // Asked of the descriptor: a symlink may have led here from anywhere.
  if (st.f_type == PROC_SUPER_MAGIC && !MayCoverProcPath(step.target)) {
    return Fail(Code::kInvalidArgument, "mount", step.target, "a mount may not cover this part of /proc");
  }
  return target;
}

// Makes the mounts of a plan one by one.
class Builder {
 public:
  Builder(int root_fd, const ContainerPlan& plan, PreparedMounts& prepared, int pod_shm_fd)
      : root_fd_(root_fd), plan_(plan), prepared_(prepared), pod_shm_fd_(pod_shm_fd) {}

  Result<> Run() {
    for (size_t i = 0; i < plan_.mounts.size(); ++i) {
      auto done = Attach(i);
      if (!done) return std::unexpected(Explain(plan_.mounts[i], done.error()));
    }
    TRY(MakeOtherDevices());
    for (const auto& [mount, step] : read_only_last_) {
      TRY(SetMountAttributes(mount.get(), MOUNT_ATTR_RDONLY, /*recursive=*/false, step->target));
    }
    return {};
  }

 private:
  static Error Explain(const MountStep& step, Error error) {
    Error named = Within("mount " + step.target, std::move(error));
    bool image = step.kind == MountKind::kImage;
    return image ? WithReason(Reason::kImageVolumeMountFailed, std::move(named)) : named;
  }

  Result<> Attach(size_t index) {
    const MountStep& step = plan_.mounts[index];
    if (step.kind == MountKind::kCgroup) return AttachCgroups(step);
    UniqueFd mount = TRY(Make(index));
    UniqueFd target = TRY(OpenStepTarget(root_fd_, step, mount.get()));
    TRY(AttachMount(mount.get(), target.get(), step.target));
    bool written_later = step.kind == MountKind::kTmpfs && (step.attributes & MOUNT_ATTR_RDONLY) != 0;
    if (written_later) read_only_last_.emplace_back(std::move(mount), &step);
    return {};
  }

  Result<UniqueFd> Make(size_t index) {
    const MountStep& step = plan_.mounts[index];
    switch (step.kind) {
      case MountKind::kBind:
      case MountKind::kImage:
        return Bind(step, std::move(prepared_.sources[index]));
      case MountKind::kTmpfs:
        return MakeTmpfs(step);
      case MountKind::kProc:
        if (prepared_.procfs) return std::move(prepared_.procfs);
        return NewFilesystem("proc", step.options, step.attributes);
      case MountKind::kSysfs:
        return MakeSysfs(step);
      case MountKind::kMqueue:
        return MakeMqueue(step);
      case MountKind::kDevpts:
        return NewFilesystem("devpts", step.options, step.attributes, FilesContext());
      case MountKind::kShm:
        return MakeShm(step);
      case MountKind::kVolume:
        return MakeVolume(step);
      case MountKind::kCgroup:
        break;
    }
    return Fail(Code::kInvalidArgument, "mount", step.target, "unknown kind of mount");
  }

  static Result<UniqueFd> Bind(const MountStep& step, UniqueFd source) {
    if (!source) return Fail(Code::kInternal, "bind", step.source, "not opened");
    // A shared mount stays in its peer group: that is what Bidirectional means.
    if (step.propagation != Propagation::kShared) {
      TRY(SetPropagation(source.get(), step.propagation, /*recursive=*/true, step.source));
    }
    Result<> set = SetMountAttributes(source.get(), step.attributes, step.recursive_attributes, step.source);
    if (!set && step.recursive_attributes)
      return std::unexpected(WithReason(Reason::kRecursiveReadOnlyUnsupported, set.error()));
    TRY(set);
    return source;
  }

  // Stays writable until everything is in place: later steps make their targets in it.
  Result<UniqueFd> MakeTmpfs(const MountStep& step) {
    uint64_t attributes = step.attributes & ~static_cast<uint64_t>(MOUNT_ATTR_RDONLY);
    UniqueFd mount = TRY(NewFilesystem("tmpfs", step.options, attributes, FilesContext()));
    if (IsOwnDev(step)) {
      TRY(PopulateDev(mount.get(), plan_.devices));
      own_dev_ = true;
    }
    return mount;
  }

  // The filesystem of an IPC namespace is there already, and takes no context for all of its files.
  Result<UniqueFd> MakeMqueue(const MountStep& step) {
    UniqueFd mount = TRY(NewFilesystem("mqueue", step.options, step.attributes));
    if (FilesContext().empty()) return mount;
    UniqueFd directory = TRY(OpenAt(mount.get(), ".", O_RDONLY | O_DIRECTORY));
    TRY(SetSeLinuxContext(directory.get(), FilesContext(), step.target));
    return mount;
  }

  Result<UniqueFd> MakeSysfs(const MountStep& step) {
    auto fresh = NewFilesystem("sysfs", step.options, step.attributes);
    if (fresh || !prepared_.host_sys) return fresh;
    TRY(SetPropagation(prepared_.host_sys.get(), Propagation::kPrivate, /*recursive=*/true, "/sys"));
    TRY(SetMountAttributes(prepared_.host_sys.get(), step.attributes, /*recursive=*/true, "/sys"));
    return std::move(prepared_.host_sys);
  }

  Result<UniqueFd> MakeShm(const MountStep& step) {
    UniqueFd shm = prepared_.host_shm
                       ? std::move(prepared_.host_shm)
                       : TRY(CloneMount(pod_shm_fd_, "", /*recursive=*/false, "the pod's /dev/shm"));
    TRY(SetPropagation(shm.get(), Propagation::kPrivate, /*recursive=*/true, step.target));
    TRY(SetMountAttributes(shm.get(), step.attributes, /*recursive=*/false, step.target));
    return shm;
  }

  Result<UniqueFd> MakeVolume(const MountStep& step) {
    UniqueFd directory = TRY(OpenTarget(root_fd_, step.target, TargetKind::kDirectory));
    return CloneMount(directory.get(), "", /*recursive=*/false, step.target);
  }

  Result<> AttachCgroups(const MountStep& step) {
    if (!prepared_.cgroups)
      return Fail(Code::kInvalidArgument, "mount", step.target, "two cgroup mounts in one plan");
    UniqueFd target = TRY(OpenTarget(root_fd_, step.target, TargetKind::kDirectory));
    CgroupMounts mounts = std::move(*prepared_.cgroups);
    prepared_.cgroups.reset();
    return AttachCgroupMounts(std::move(mounts), step, target.get());
  }

  // Those that PopulateDev has not made already.
  Result<> MakeOtherDevices() {
    for (const DeviceStep& device : plan_.devices) {
      if (!own_dev_ || !device.path.starts_with("/dev/")) TRY(MakeDeviceInRoot(root_fd_, device));
    }
    return {};
  }

  const std::string& FilesContext() const { return plan_.process.selinux.files; }

  int root_fd_;
  const ContainerPlan& plan_;
  PreparedMounts& prepared_;
  int pod_shm_fd_;
  bool own_dev_ = false;
  std::vector<std::pair<UniqueFd, const MountStep*>> read_only_last_;
};

}  // namespace

const MountStep* FindMount(const ContainerPlan& plan, MountKind kind) {
  auto step = std::ranges::find(plan.mounts, kind, &MountStep::kind);
  return step == plan.mounts.end() ? nullptr : &*step;
}

bool MayCoverProcPath(std::string_view target) {
  constexpr std::string_view kFiles[] = {
      "/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo",  "/proc/stat",    "/proc/swaps",
      "/proc/uptime",  "/proc/loadavg",   "/proc/slabinfo", "/proc/net/dev", "/proc/sys/kernel/ns_last_pid"};
  return std::find(std::begin(kFiles), std::end(kFiles), target) != std::end(kFiles);
}

Result<> AttachMounts(int root_fd, const ContainerPlan& plan, PreparedMounts prepared, int pod_shm_fd) {
  return Builder(root_fd, plan, prepared, pod_shm_fd).Run();
}

}  // namespace davit::shim
