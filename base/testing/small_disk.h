// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test support: mounts a small filesystem for one test, and fills it.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include "base/unique_fd.h"

namespace davit {

enum class DiskKind { kTmpfs, kExt4 };

inline std::string NameOf(DiskKind kind) {
  return kind == DiskKind::kTmpfs ? "tmpfs" : "ext4";
}

// Mounts an empty filesystem of `megabytes` on the existing directory `dir`, in this thread's mount
// namespace. An ext4 filesystem is in the file `dir`.img, has blocks of 1 KiB and a journal, and reserves no
// blocks for root. Returns false on failure.
inline bool MountSmallDisk(DiskKind kind, const std::string& dir, int megabytes) {
  std::string size = std::to_string(megabytes) + "m";
  if (kind == DiskKind::kTmpfs)
    return mount("tmpfs", dir.c_str(), "tmpfs", 0, ("size=" + size + ",nr_inodes=1000").c_str()) == 0;
  std::string image = dir + ".img";
  std::string make = "truncate -s " + size + " " + image + " && mkfs.ext4 -q -m 0 -b 1024 " + image +
                     " >/dev/null 2>&1 && mount -o loop " + image + " " + dir + " 2>/dev/null";
  return std::system(make.c_str()) == 0;  // NOLINT(concurrency-mt-unsafe)
}

// Runs `body` on a new thread, in a new mount namespace with a small filesystem on `dir`. Returns false if
// the host does not support that filesystem or the process may not mount.
template <typename Body>
bool OnSmallDisk(DiskKind kind, const std::string& dir, int megabytes, Body body) {
  bool mounted = false;
  std::thread thread([&] {
    mounted = unshare(CLONE_NEWNS) == 0 && mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
              MountSmallDisk(kind, dir, megabytes);
    if (!mounted) return;
    body();
    umount2(dir.c_str(), MNT_DETACH);
  });
  thread.join();
  std::error_code ignored;
  std::filesystem::remove(dir + ".img", ignored);
  return mounted;
}

// Writes `dir`/ballast until the filesystem is full to the last byte.
inline void FillDisk(const std::string& dir) {
  UniqueFd ballast(open((dir + "/ballast").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  const std::string block(64 << 10, 'x');
  for (size_t size = block.size(); size > 0; size = errno == ENOSPC ? size / 2 : size) {
    errno = 0;
    while (write(ballast.get(), block.data(), size) > 0) {
    }
    if (errno != ENOSPC) return;
  }
}

// Creates empty files in `dir` until no inode or directory entry is free.
inline void FillInodes(const std::string& dir) {
  for (int i = 0;; ++i) {
    UniqueFd file(open((dir + "/empty" + std::to_string(i)).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    if (!file) return;
  }
}

}  // namespace davit
