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

#include "base/file_io.h"
#include "shim/init/mount_api.h"

namespace davit {
namespace {

// Read-only is set last, on the top tmpfs too: the nested directories have to be made first.
uint64_t WithoutReadOnly(uint64_t attributes) {
  return attributes & ~static_cast<uint64_t>(MOUNT_ATTR_RDONLY);
}

Result<long> FilesystemType(int fd) {
  struct statfs st;
  if (fstatfs(fd, &st) < 0) return SystemError("fstatfs", "/sys/fs/cgroup");
  return static_cast<long>(st.f_type);
}

Result<std::vector<std::string>> ListNames(int dir_fd) {
  UniqueFd dir = TRY(OpenAt(dir_fd, ".", O_RDONLY | O_DIRECTORY));
  std::vector<std::string> names;
  alignas(dirent64) char buffer[4096];
  while (true) {
    long n = syscall(SYS_getdents64, dir.get(), buffer, sizeof buffer);
    if (n < 0) return SystemError("getdents64", "/sys/fs/cgroup");
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

Result<UniqueFd> MountV2(int v2_dir, uint64_t attributes, const std::string& own_path) {
  auto fresh = NewFilesystem("cgroup2", "", attributes);
  if (fresh || (fresh.error().os_errno != EPERM && fresh.error().os_errno != EBUSY)) return fresh;
  UniqueFd bind =
      TRY(CloneMount(v2_dir, own_path.empty() ? "" : own_path.substr(1), /*recursive=*/false, own_path));
  TRY(SetMountAttributes(bind.get(), attributes, /*recursive=*/false, own_path));
  return bind;
}

Result<UniqueFd> CloneHostTree(int cgroup_dir, uint64_t attributes) {
  UniqueFd tree = TRY(CloneMount(cgroup_dir, "", /*recursive=*/true, "/sys/fs/cgroup"));
  TRY(SetPropagation(tree.get(), Propagation::kPrivate, /*recursive=*/true, "/sys/fs/cgroup"));
  TRY(SetMountAttributes(tree.get(), attributes, /*recursive=*/true, "/sys/fs/cgroup"));
  return tree;
}

}  // namespace

Result<CgroupLayout> ReadCgroupLayout(int cgroup_dir) {
  CgroupLayout layout;
  layout.v2_only = TRY(FilesystemType(cgroup_dir)) == CGROUP2_SUPER_MAGIC;
  if (layout.v2_only) return layout;
  for (const std::string& name : TRY(ListNames(cgroup_dir))) TRY(AddEntry(cgroup_dir, name, layout));
  return layout;
}

std::string OwnV2Path(std::string_view proc_cgroup) {
  size_t begin = proc_cgroup.starts_with("0::") ? 0 : proc_cgroup.find("\n0::");
  if (begin == std::string_view::npos) return {};
  begin += proc_cgroup[begin] == '\n' ? 4 : 3;
  return std::string(proc_cgroup.substr(begin, proc_cgroup.find('\n', begin) - begin));
}

std::string V1MountOptions(std::string_view name, std::string_view proc_cgroup) {
  std::string named = "name=" + std::string(name);
  bool is_named = proc_cgroup.find(":" + named + ":") != std::string_view::npos;
  return is_named ? named : std::string(name);
}

Result<CgroupMounts> PrepareCgroupMounts(int cgroup_dir, const MountStep& step, bool host_cgroup,
                                         const std::string& proc_cgroup) {
  CgroupMounts mounts;
  if (host_cgroup) {
    mounts.root = TRY(CloneHostTree(cgroup_dir, step.attributes));
    return mounts;
  }
  std::string own_v2_path = OwnV2Path(proc_cgroup);
  mounts.layout = TRY(ReadCgroupLayout(cgroup_dir));
  if (mounts.layout.v2_only) {
    mounts.root = TRY(MountV2(cgroup_dir, step.attributes, own_v2_path));
    return mounts;
  }
  mounts.root =
      TRY(NewFilesystem("tmpfs", "mode=755,size=64k,nr_inodes=256", WithoutReadOnly(step.attributes)));
  for (const CgroupLayout::Entry& entry : mounts.layout.entries) {
    UniqueFd mount;
    if (entry.kind == CgroupLayout::Entry::kV1) {
      mount = TRY(NewFilesystem("cgroup", V1MountOptions(entry.name, proc_cgroup), step.attributes));
    } else if (entry.kind == CgroupLayout::Entry::kV2) {
      UniqueFd v2_dir = TRY(OpenAt(cgroup_dir, entry.name, O_PATH | O_DIRECTORY));
      mount = TRY(MountV2(v2_dir.get(), step.attributes, own_v2_path));
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

}  // namespace davit
