// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "tests/e2e/host_objects.h"

#include <filesystem>
#include <functional>
#include <string_view>

#include "base/file_io.h"

namespace davit::e2e {
namespace {

namespace fs = std::filesystem;

void ForEachProcess(const std::function<void(pid_t pid, const std::string& command_line)>& visit) {
  for (const auto& entry : fs::directory_iterator("/proc")) {
    std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    // A process that has ended meanwhile is none.
    if (auto command_line = ReadFile(entry.path() / "cmdline")) visit(std::stoi(name), *command_line);
  }
}

// 0 when the process has ended meanwhile.
pid_t ParentOf(pid_t pid) {
  constexpr std::string_view kField = "\nPPid:";
  std::string status = ReadFile("/proc/" + std::to_string(pid) + "/status").value_or("");
  size_t at = status.find(kField);
  return at == std::string::npos ? 0 : std::stoi(status.substr(at + kField.size()));
}

}  // namespace

std::map<std::string, pid_t> ShimsOf(const Instance& instance) {
  std::map<std::string, pid_t> shims;
  const std::string program("davit-shim\0", 11);
  ForEachProcess([&](pid_t pid, const std::string& command_line) {
    if (!command_line.starts_with(program)) return;
    auto cgroup = ReadFile("/proc/" + std::to_string(pid) + "/cgroup");
    if (!cgroup || cgroup->find(instance.cgroup()) == std::string::npos) return;
    // A child of a shim's has its command line too, until it executes another program.
    auto parent = ReadFile("/proc/" + std::to_string(ParentOf(pid)) + "/cmdline");
    if (parent && parent->starts_with(program)) return;
    shims[command_line.c_str() + program.size()] = pid;
  });
  return shims;
}

std::vector<pid_t> PlaceholdersOf(const Instance& instance) {
  std::vector<pid_t> placeholders;
  const pid_t daemon = instance.pid();
  ForEachProcess([&](pid_t pid, const std::string& command_line) {
    if (command_line.starts_with("davit-placeholder") && ParentOf(pid) == daemon) placeholders.push_back(pid);
  });
  return placeholders;
}

pid_t ReaperOf(const Instance& instance, const std::string& pod) {
  pid_t shim = ShimsOf(instance).at(pod);
  pid_t reaper = 0;
  ForEachProcess([&](pid_t pid, const std::string& command_line) {
    if (command_line.starts_with("davit-reaper") && ParentOf(pid) == shim) reaper = pid;
  });
  return reaper;
}

std::vector<std::string> PodLinksOf(const Instance& instance) {
  std::vector<std::string> links;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/sys/class/net/" + instance.bridge() + "/brif", error)) {
    links.push_back(entry.path().filename());
  }
  return links;
}

std::vector<std::string> PodCgroupsOf(const Instance& instance) {
  std::vector<std::string> cgroups;
  auto collect = [&](const fs::path& pods) {
    std::error_code error;
    for (auto it = fs::recursive_directory_iterator(pods, error); it != fs::recursive_directory_iterator();
         it.increment(error)) {
      if (it->is_directory()) cgroups.push_back(it->path());
    }
  };
  const std::string below = instance.CgroupOfPods();
  collect("/sys/fs/cgroup" + below);
  for (const auto& hierarchy : fs::directory_iterator("/sys/fs/cgroup")) {
    if (hierarchy.is_directory() && !hierarchy.is_symlink()) collect(hierarchy.path().string() + below);
  }
  return cgroups;
}

std::vector<pid_t> ProcessesWith(const std::string& text) {
  std::vector<pid_t> found;
  ForEachProcess([&](pid_t pid, const std::string& command_line) {
    if (command_line.find(text) != std::string::npos) found.push_back(pid);
  });
  return found;
}

}  // namespace davit::e2e
