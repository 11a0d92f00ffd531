// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/testing/scratch.h"

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/file_io.h"
#include "base/pid_fd.h"
#include "shim/cgroup_sweep.h"
#include "shim/init/mount_api.h"

namespace davit::shim {
namespace {

namespace fs = std::filesystem;
constexpr char kBusybox[] = "/bin/busybox";

std::string UniqueName() {
  static std::atomic<int> counter = 0;
  return "davit-test-shim-" + std::to_string(getpid()) + "-" + std::to_string(counter++);
}

}  // namespace

ScratchDir::ScratchDir() : path_("/tmp/" + UniqueName()) {
  fs::create_directories(path_);
}

ScratchDir::~ScratchDir() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string TestImage::WhyNot() {
  if (geteuid() != 0) return "needs root";
  if (access(kBusybox, X_OK) != 0) return "needs busybox-static";
  return {};
}

TestImage::TestImage() {
  for (const char* name : {"bin", "etc", "tmp", "var", "proc", "sys", "dev", "root", "home"}) {
    fs::create_directories(dir_ / name);
  }
  chmod(dir_.path().c_str(), 0755);
  fs::copy_file(kBusybox, dir_ / "bin/busybox");
  for (const char* applet :
       {"sh",       "ls",     "cat",    "id",     "echo",     "sleep", "true", "false",  "kill",
        "hostname", "ps",     "mount",  "stat",   "readlink", "env",   "pwd",  "yes",    "head",
        "dd",       "grep",   "touch",  "test",   "mknod",    "seq",   "ip",   "umount", "wc",
        "setsid",   "printf", "chroot", "ulimit", "tr",       "ln",    "mv",   "mkdir",  "chmod",
        "ipcs",     "usleep", "tty",    "stty",   "od",       "sed",   "cut"}) {
    fs::create_symlink("busybox", dir_ / ("bin/" + std::string(applet)));
  }
  Write("etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:an "
        "app:/home:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n");
  Write("etc/group", "root:x:0:\napp:x:1000:\nextra:x:2000:app\nmore:x:2001:other,app\nnobody:x:65534:\n");
}

void TestImage::Write(const std::string& name, const std::string& content, mode_t mode) {
  std::string file = dir_ / name;
  fs::create_directories(fs::path(file).parent_path());
  std::ofstream(file, std::ios::binary | std::ios::trunc) << content;
  chmod(file.c_str(), mode);
}

Result<UniqueFd> TestImage::Mount() const {
  return CloneMount(AT_FDCWD, path(), /*recursive=*/false, path());
}

TestCgroup::TestCgroup() : name_("/" + UniqueName()) {
  for (const auto& entry : fs::directory_iterator("/sys/fs/cgroup")) {
    if (!fs::exists(entry.path() / "cgroup.procs")) continue;
    std::string directory = entry.path().string() + name_;
    if (mkdir(directory.c_str(), 0755) < 0) continue;
    bool is_v2 = fs::exists(entry.path() / "cgroup.controllers");
    has_v2_ = has_v2_ || is_v2;
    directories_.insert(is_v2 ? directories_.begin() : directories_.end(), directory);
    for (const char* file : {"cpuset.cpus", "cpuset.mems"}) {
      auto parent = ReadFile(entry.path() / file);
      if (parent) (void)WriteFileAt(AT_FDCWD, directory + "/" + file, *parent);
    }
  }
}

TestCgroup::~TestCgroup() {
  // What a failed test left behind; each is waited for, or its directory could not be removed.
  for (pid_t pid : Processes()) {
    auto pidfd = PidFd::Open(pid);
    if (pidfd && pidfd->Signal(SIGKILL)) (void)pidfd->WaitExit(5000);
  }
  // The kernel takes a process out of its cgroup some time after its end.
  for (const std::string& directory : directories_) {
    for (int attempt = 0; rmdir(directory.c_str()) < 0 && errno == EBUSY && attempt < 500; ++attempt)
      usleep(10'000);
  }
}

std::vector<UniqueFd> TestCgroup::OpenProcs() const {
  std::vector<UniqueFd> procs;
  for (const std::string& directory : directories_) {
    bool is_v2 = has_v2_ && procs.empty();
    auto fd = OpenAt(AT_FDCWD, directory + (is_v2 ? "/cgroup.procs" : "/tasks"), O_RDWR);
    if (fd) procs.push_back(std::move(*fd));
  }
  return procs;
}

UniqueFd TestCgroup::OpenUnified() const {
  if (!has_v2_) return {};
  auto fd = OpenAt(AT_FDCWD, directories_.front(), O_PATH | O_DIRECTORY);
  return fd ? std::move(*fd) : UniqueFd();
}

UniqueFd TestCgroup::Open(const std::string& file, int flags) const {
  for (const std::string& directory : directories_) {
    if (auto fd = OpenAt(AT_FDCWD, directory + "/" + file, flags)) return std::move(*fd);
  }
  return {};
}

bool TestCgroup::Write(const std::string& file, const std::string& value) const {
  UniqueFd fd = Open(file, O_WRONLY);
  return fd && WriteAll(fd.get(), value, file).has_value();
}

std::vector<pid_t> TestCgroup::Processes(const std::string& name) const {
  for (const std::string& directory : directories_) {
    if (directory.find("/" + name) == std::string::npos) continue;
    auto procs = OpenAt(AT_FDCWD, directory + "/cgroup.procs", O_RDONLY);
    if (procs) return ReadPids(procs->get()).value_or(std::vector<pid_t>());
  }
  return {};
}

}  // namespace davit::shim
