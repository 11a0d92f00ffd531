// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "snapshotter/overlay.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "base/file_io.h"
#include "base/guarded.h"

namespace davit::snapshotter {
namespace {

// The features that let a layer's content redirect lookups are off, whatever the kernel was built with:
// layers come from images. "nofollow" is "off" without the exception that
// CONFIG_OVERLAY_FS_REDIRECT_ALWAYS_FOLLOW makes of it.
constexpr std::pair<const char*, const char*> kOptions[] = {
    {"metacopy", "off"}, {"redirect_dir", "nofollow"}, {"index", "off"}, {"xino", "off"}};

std::unexpected<Error> TooManyLayers(size_t layers) {
  return Fail(Code::kInvalidArgument, "mount overlay", std::to_string(layers) + " layers",
              "too many for the mount options of this kernel");
}

std::string FdPath(const UniqueFd& fd) {
  return "/proc/self/fd/" + std::to_string(fd.get());
}

// A filesystem being configured (fsopen(2)).
class OverlayContext {
 public:
  static Result<OverlayContext> Open() {
    UniqueFd fd(fsopen("overlay", FSOPEN_CLOEXEC));
    if (!fd && errno == ENODEV)
      return Fail(Code::kUnimplemented, "fsopen", "overlay", "the kernel has no overlayfs");
    if (!fd) return SystemError("fsopen", "overlay");
    return OverlayContext(std::move(fd));
  }

  Result<> SetFd(const char* key, const UniqueFd& value) {
    if (fsconfig(fd_.get(), FSCONFIG_SET_FD, key, nullptr, value.get()) == 0) return {};
    return Refused(key, "fd");
  }
  Result<> SetString(const char* key, const std::string& value) {
    if (fsconfig(fd_.get(), FSCONFIG_SET_STRING, key, value.c_str(), 0) == 0) return {};
    return Refused(key, value);
  }
  Result<> SetFlag(const char* key) {
    if (fsconfig(fd_.get(), FSCONFIG_SET_FLAG, key, nullptr, 0) == 0) return {};
    return Refused(key, "set");
  }

  Result<UniqueFd> Mount() {
    if (fsconfig(fd_.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) < 0)
      return Refused("create", "superblock");
    UniqueFd mount(fsmount(fd_.get(), FSMOUNT_CLOEXEC, 0));
    if (!mount) return Refused("fsmount", "superblock");
    return mount;
  }

 private:
  explicit OverlayContext(UniqueFd fd) : fd_(std::move(fd)) {}

  // The context keeps what the filesystem had to say about a failure: one message per read, "e overlay: ..."
  // .
  std::unexpected<Error> Refused(std::string_view what, std::string_view value) {
    int err = errno;
    auto error = SystemError("overlay " + std::string(what), value, err);
    char message[512];
    for (ssize_t n = 0; (n = read(fd_.get(), message, sizeof message)) > 0;) {
      std::string_view text(message, static_cast<size_t>(n));
      while (text.ends_with('\n')) text.remove_suffix(1);
      if (!error.error().context.empty()) error.error().context += "; ";
      error.error().context += text;
    }
    return error;
  }

  UniqueFd fd_;
};

std::string JoinLowers(const OverlayDirs& dirs, std::string_view prefix) {
  std::string joined;
  for (const UniqueFd& lower : dirs.lowers) {
    if (!joined.empty()) joined += ':';
    joined.append(prefix).append(std::to_string(lower.get()));
  }
  return joined;
}

// For mount(2) with /proc/self/fd as the working directory: a descriptor's number is its path.
std::string MountOptions(const OverlayDirs& dirs, const std::string& selinux_context) {
  std::string options = "lowerdir=" + JoinLowers(dirs, "");
  if (dirs.upper) {
    options +=
        ",upperdir=" + std::to_string(dirs.upper.get()) + ",workdir=" + std::to_string(dirs.work.get());
    if (dirs.is_volatile) options += ",volatile";
  }
  for (const auto& [key, value] : kOptions) options.append(",").append(key).append("=").append(value);
  // In quotation marks for the commas of its level.
  if (!selinux_context.empty()) options += ",context=\"" + selinux_context + "\"";
  return options;
}

Result<> SetLayersByFd(OverlayContext& context, const OverlayDirs& dirs) {
  for (const UniqueFd& lower : dirs.lowers) TRY(context.SetFd("lowerdir+", lower));
  if (!dirs.upper) return {};
  TRY(context.SetFd("upperdir", dirs.upper));
  return context.SetFd("workdir", dirs.work);
}

Result<> SetLayersByString(OverlayContext& context, const OverlayDirs& dirs, OverlayMethod method) {
  if (method == OverlayMethod::kPaths) {
    for (const UniqueFd& lower : dirs.lowers) TRY(context.SetString("lowerdir+", FdPath(lower)));
  } else {
    TRY(context.SetString("lowerdir", JoinLowers(dirs, "/proc/self/fd/")));
  }
  if (!dirs.upper) return {};
  TRY(context.SetString("upperdir", FdPath(dirs.upper)));
  return context.SetString("workdir", FdPath(dirs.work));
}

// The same directory as the caller's mount namespace sees it.
Result<UniqueFd> ReopenHere(const UniqueFd& fd) {
  char path[PATH_MAX];
  ssize_t size = readlink(FdPath(fd).c_str(), path, sizeof path);
  if (size < 0) return SystemError("readlink", FdPath(fd));
  std::string name(path, static_cast<size_t>(size));
  UniqueFd here = TRY(OpenAt(AT_FDCWD, name, O_PATH | O_DIRECTORY));
  struct stat wanted{};
  struct stat found{};
  if (fstat(fd.get(), &wanted) < 0 || fstat(here.get(), &found) < 0) return SystemError("stat", name);
  if (wanted.st_dev == found.st_dev && wanted.st_ino == found.st_ino) return here;
  return Fail(Code::kFailedPrecondition, "mount overlay", name, "replaced meanwhile");
}

Result<OverlayDirs> ReopenHere(const OverlayDirs& dirs) {
  OverlayDirs here;
  for (const UniqueFd& lower : dirs.lowers) here.lowers.push_back(TRY(ReopenHere(lower)));
  here.is_volatile = dirs.is_volatile;
  if (!dirs.upper) return here;
  here.upper = TRY(ReopenHere(dirs.upper));
  here.work = TRY(ReopenHere(dirs.work));
  return here;
}

// For a thread of its own, which takes its mount namespace with it when it ends: no other process ever sees
// the mount.
Result<UniqueFd> MountInPrivateNamespace(const OverlayDirs& dirs, const std::string& selinux_context) {
  // CLONE_NEWNS implies CLONE_FS: the working directory is this thread's too (unshare(2)).
  if (unshare(CLONE_NEWNS) < 0) return SystemError("unshare", "mount namespace");
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0) return SystemError("make private", "/");
  // overlayfs takes no directory of another namespace's mounts, and that is where `dirs` were opened.
  OverlayDirs here = TRY(ReopenHere(dirs));
  std::string options = MountOptions(here, selinux_context);
  if (options.size() >= kMountOptionsLimit) return TooManyLayers(dirs.lowers.size());
  if (chdir("/proc/self/fd") < 0) return SystemError("chdir", "/proc/self/fd");
  // Any existing directory serves as the mount point; the working directory stays below it.
  if (mount("overlay", "/proc", "overlay", 0, options.c_str()) < 0)
    return SystemError("mount overlay", options);
  UniqueFd detached(open_tree(AT_FDCWD, "/proc", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!detached) return SystemError("open_tree", "overlay");
  return detached;
}

Result<UniqueFd> MountByCall(const OverlayDirs& dirs, const std::string& selinux_context) {
  Result<UniqueFd> mounted;
  try {
    std::thread([&] {
      mounted = Guarded("mount", "overlay", [&] { return MountInPrivateNamespace(dirs, selinux_context); });
    }).join();
  } catch (const std::system_error& error) {
    return SystemError("start thread", "mount overlay", error.code().value());
  }
  return mounted;
}

}  // namespace

Result<OverlaySupport> ProbeOverlay(int dir_fd) {
  UniqueFd probe(fcntl(dir_fd, F_DUPFD_CLOEXEC, 3));
  if (!probe) return SystemError("dup", "directory to probe overlayfs with");
  OverlaySupport support;
  OverlayContext by_fd = TRY(OverlayContext::Open());
  support.lower_by_fd = by_fd.SetFd("lowerdir+", probe).has_value();
  OverlayContext by_path = TRY(OverlayContext::Open());
  // Before 6.5 a context merely collects strings and rejects nothing until the superblock is made.
  bool checks_keys = !by_path.SetString("davit-no-such-option", "1").has_value();
  support.lower_by_path = checks_keys && by_path.SetString("lowerdir+", FdPath(probe)).has_value();
  return support;
}

Result<OverlayMethod> ChooseOverlayMethod(const OverlaySupport& support, size_t layers, size_t string_size,
                                          size_t options_size) {
  if (layers > kMaxOverlayLayers) {
    return Fail(Code::kInvalidArgument, "mount overlay", std::to_string(layers) + " layers",
                "overlayfs takes " + std::to_string(kMaxOverlayLayers));
  }
  if (support.lower_by_fd) return OverlayMethod::kFds;
  if (support.lower_by_path) return OverlayMethod::kPaths;
  if (string_size < kFsconfigStringLimit) return OverlayMethod::kOneString;
  if (options_size < kMountOptionsLimit) return OverlayMethod::kMountCall;
  return TooManyLayers(layers);
}

Result<UniqueFd> MountOverlay(const OverlaySupport& support, const OverlayDirs& dirs,
                              const std::string& selinux_context) {
  OverlayMethod method =
      TRY(ChooseOverlayMethod(support, dirs.lowers.size(), JoinLowers(dirs, "/proc/self/fd/").size(),
                              MountOptions(dirs, selinux_context).size()));
  if (method == OverlayMethod::kMountCall && !dirs.mounts.empty()) return TooManyLayers(dirs.lowers.size());
  if (method == OverlayMethod::kMountCall) return MountByCall(dirs, selinux_context);

  OverlayContext context = TRY(OverlayContext::Open());
  TRY(method == OverlayMethod::kFds ? SetLayersByFd(context, dirs)
                                    : SetLayersByString(context, dirs, method));
  if (dirs.upper && dirs.is_volatile) TRY(context.SetFlag("volatile"));
  for (const auto& [key, value] : kOptions) TRY(context.SetString(key, value));
  if (!selinux_context.empty()) TRY(context.SetString("context", selinux_context));
  return context.Mount();
}

}  // namespace davit::snapshotter
