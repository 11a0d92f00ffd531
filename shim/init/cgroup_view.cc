// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/init/cgroup_view.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include <algorithm>
#include <ranges>

#include "base/file_io.h"
#include "shim/init/mount_api.h"

namespace davit::shim {
namespace {

constexpr char kPlace[] = "/sys/fs/cgroup";

// Read-only is set last, on the top tmpfs too: the nested directories have to be made first.
uint64_t WithoutReadOnly(uint64_t attributes) {
  return attributes & ~static_cast<uint64_t>(MOUNT_ATTR_RDONLY);
}

Result<long> FilesystemType(int fd) {
  struct statfs st;
  if (fstatfs(fd, &st) < 0) return SystemError("fstatfs", kPlace);
  return static_cast<long>(st.f_type);
}

Result<std::vector<std::string>> ListNames(int dir_fd) {
  UniqueFd dir = TRY(OpenAt(dir_fd, ".", O_RDONLY | O_DIRECTORY));
  std::vector<std::string> names;
  alignas(dirent64) char buffer[4096];
  while (true) {
    long n = syscall(SYS_getdents64, dir.get(), buffer, sizeof buffer);
    if (n < 0) return SystemError("getdents64", kPlace);
    if (n == 0) return names;
    for (long pos = 0; pos < n;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer + pos);
      std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
      pos += entry->d_reclen;
    }
  }
}

// Adds the entry when it is a symlink or the mount of a cgroup hierarchy.
Result<> AddEntry(int cgroup_dir, const std::string& name, CgroupLayout& layout) {
  UniqueFd fd = TRY(OpenAt(cgroup_dir, name, O_PATH | O_NOFOLLOW));
  char target[PATH_MAX];
  ssize_t length = readlinkat(fd.get(), "", target, sizeof target);
  if (length >= 0) {
    layout.entries.push_back(
        {name, CgroupLayout::Entry::kLink, std::string(target, static_cast<size_t>(length))});
    return {};
  }
  long type = TRY(FilesystemType(fd.get()));
  if (type == CGROUP_SUPER_MAGIC) layout.entries.push_back({name, CgroupLayout::Entry::kV1, {}});
  if (type == CGROUP2_SUPER_MAGIC) layout.entries.push_back({name, CgroupLayout::Entry::kV2, {}});
  return {};
}

// A v1 hierarchy's controllers may be listed in another order than its mount point's name has them.
bool SameControllers(std::string_view a, std::string_view b) {
  auto list = [](std::string_view text) {
    std::vector<std::string_view> names;
    for (auto part : std::views::split(text, ',')) names.emplace_back(part.begin(), part.end());
    std::ranges::sort(names);
    return names;
  };
  return list(a) == list(b);
}

Result<UniqueFd> Bind(int dir, const std::string& path, bool recursive, uint64_t attributes) {
  std::string name = path.empty() ? kPlace : path;
  UniqueFd mount = TRY(CloneMount(dir, path, recursive, name));
  TRY(SetPropagation(mount.get(), Propagation::kPrivate, recursive, name));
  TRY(SetMountAttributes(mount.get(), attributes, recursive, name));
  return mount;
}

// The container's own directory, bound: a new mount of a v1 hierarchy takes the lock of all cgroups and looks
// at every one there is. Where the host's mount does not show that directory, because it is rooted elsewhere,
// a new one does.
Result<UniqueFd> MountHierarchy(const CgroupSources& sources, int dir, const CgroupLayout::Entry& entry,
                                uint64_t attributes) {
  bool v2 = entry.kind == CgroupLayout::Entry::kV2;
  if (v2 && sources.unified >= 0) return Bind(sources.unified, "", /*recursive=*/false, attributes);
  std::optional<std::string> own = OwnCgroup(entry, sources.own_cgroups);
  Result<UniqueFd> bound = own ? Bind(dir, own->substr(1), /*recursive=*/false, attributes)
                               : SystemError("find own cgroup", entry.name, ENOENT);
  if (bound || bound.error().os_errno != ENOENT) return bound;
  return NewFilesystem(v2 ? "cgroup2" : "cgroup", v2 ? "" : V1MountOptions(entry.name, sources.own_cgroups),
                       attributes);
}

}  // namespace

Result<CgroupLayout> ReadCgroupLayout(int cgroup_dir) {
  CgroupLayout layout;
  layout.v2_only = TRY(FilesystemType(cgroup_dir)) == CGROUP2_SUPER_MAGIC;
  if (layout.v2_only) return layout;
  for (const std::string& name : TRY(ListNames(cgroup_dir))) TRY(AddEntry(cgroup_dir, name, layout));
  return layout;
}

std::optional<std::string> OwnCgroup(const CgroupLayout::Entry& entry, std::string_view proc_cgroup) {
  for (auto part : std::views::split(proc_cgroup, '\n')) {
    std::string_view line(part.begin(), part.end());
    size_t controllers = line.find(':') + 1;
    size_t path = line.find(':', controllers) + 1;
    if (controllers == 0 || path == 0 || !line.substr(path).starts_with('/')) continue;
    std::string_view listed = line.substr(controllers, path - 1 - controllers);
    bool found = entry.kind == CgroupLayout::Entry::kV2
                     ? line.starts_with("0::")
                     : listed == "name=" + entry.name || SameControllers(listed, entry.name);
    if (found) return std::string(line.substr(path));
  }
  return std::nullopt;
}

std::string V1MountOptions(std::string_view name, std::string_view proc_cgroup) {
  std::string named = "name=" + std::string(name);
  bool is_named = proc_cgroup.find(":" + named + ":") != std::string_view::npos;
  return is_named ? named : std::string(name);
}

Result<CgroupMounts> PrepareCgroupMounts(const CgroupSources& sources, const MountStep& step) {
  CgroupMounts mounts;
  if (sources.host_cgroup) {
    mounts.root = TRY(Bind(sources.cgroup_dir, "", /*recursive=*/true, step.attributes));
    return mounts;
  }
  mounts.layout = TRY(ReadCgroupLayout(sources.cgroup_dir));
  if (mounts.layout.v2_only) {
    CgroupLayout::Entry root{"", CgroupLayout::Entry::kV2, {}};
    mounts.root = TRY(MountHierarchy(sources, sources.cgroup_dir, root, step.attributes));
    return mounts;
  }
  mounts.root =
      TRY(NewFilesystem("tmpfs", "mode=755,size=64k,nr_inodes=256", WithoutReadOnly(step.attributes)));
  for (const CgroupLayout::Entry& entry : mounts.layout.entries) {
    UniqueFd mount;
    if (entry.kind != CgroupLayout::Entry::kLink) {
      UniqueFd dir = TRY(OpenAt(sources.cgroup_dir, entry.name, O_PATH | O_DIRECTORY));
      mount = TRY(MountHierarchy(sources, dir.get(), entry, step.attributes));
    }
    mounts.nested.push_back(std::move(mount));
  }
  return mounts;
}

Result<> AttachCgroupMounts(CgroupMounts mounts, const MountStep& step, int target_fd) {
  TRY(AttachMount(mounts.root.get(), target_fd, step.target));
  for (size_t i = 0; i < mounts.nested.size(); ++i) {
    const CgroupLayout::Entry& entry = mounts.layout.entries[i];
    if (entry.kind == CgroupLayout::Entry::kLink) {
      if (symlinkat(entry.link_target.c_str(), mounts.root.get(), entry.name.c_str()) < 0) {
        return SystemError("symlink", step.target + "/" + entry.name);
      }
      continue;
    }
    if (mkdirat(mounts.root.get(), entry.name.c_str(), 0755) < 0) {
      return SystemError("mkdir", step.target + "/" + entry.name);
    }
    UniqueFd directory = TRY(OpenAt(mounts.root.get(), entry.name, O_PATH | O_DIRECTORY));
    TRY(AttachMount(mounts.nested[i].get(), directory.get(), step.target + "/" + entry.name));
  }
  return SetMountAttributes(mounts.root.get(), step.attributes, /*recursive=*/false, step.target);
}

}  // namespace davit::shim
