// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "tests/bench/processes.h"

#include <fcntl.h>

#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "base/file_io.h"

namespace davit::bench {
namespace {

// The processes for which a file of theirs in /proc holds `text`.
std::vector<pid_t> ProcessesWith(const char* file, const std::string& text) {
  std::vector<pid_t> pids;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    auto content = ReadFile(entry.path() / file);
    if (content && content->find(text) != std::string::npos) pids.push_back(std::stoi(name));
  }
  return pids;
}

}  // namespace

std::vector<pid_t> RuntimeProcessesOf(const std::string& pod) {
  return ProcessesWith("cmdline", pod);
}

std::vector<pid_t> WithChildren(pid_t server) {
  std::vector<pid_t> pids = ProcessesWith("status", "\nPPid:\t" + std::to_string(server) + "\n");
  pids.push_back(server);
  return pids;
}

double PrivateKib(pid_t pid) {
  auto text = ReadFile("/proc/" + std::to_string(pid) + "/smaps_rollup");
  if (!text) throw std::runtime_error(text.error().ToString());
  std::istringstream lines(*text);
  double kib = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("Private_Clean:") || line.starts_with("Private_Dirty:")) {
      kib += std::stod(line.substr(line.find(':') + 1));
    }
  }
  return kib;
}

namespace {

// A field of /proc/PID/status in KiB.
int StatusKib(const std::string& directory, const std::string& field) {
  auto text = ReadFile(directory + "/status");
  if (!text) throw std::runtime_error(text.error().ToString());
  size_t at = text->find("\n" + field + ":");
  if (at == std::string::npos) throw std::runtime_error(directory + "/status has no " + field);
  return std::stoi(text->substr(at + field.size() + 2));
}

}  // namespace

MemoryWatch::MemoryWatch(pid_t pid) : directory_("/proc/" + std::to_string(pid)), before_kib_(NowKib()) {
  // Forgets the peak so far (proc_pid_clear_refs(5)).
  if (auto reset = WriteFileAt(AT_FDCWD, directory_ + "/clear_refs", "5"); !reset)
    throw std::runtime_error(reset.error().ToString());
}

int MemoryWatch::PeakKib() const {
  return StatusKib(directory_, "VmHWM");
}

int MemoryWatch::NowKib() const {
  return StatusKib(directory_, "VmRSS");
}

}  // namespace davit::bench
