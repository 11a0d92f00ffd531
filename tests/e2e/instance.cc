// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "tests/e2e/instance.h"

#include <signal.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "base/file_io.h"
#include "base/pid_fd.h"
#include "tests/client/command.h"

namespace davit::e2e {

using client::CommandOutcome;
using client::MustRun;
using client::Run;
using client::SourcePath;

namespace {

std::string MakeScratch() {
  std::string path = "/tmp/davit-e2e-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) throw std::runtime_error("mkdtemp " + path + ": " + ErrnoText(errno));
  return path;
}

class OwnRegistry {
 public:
  OwnRegistry() : directory_(MakeScratch()) {
    MustRun({SourcePath("tests/images/registry"), "start", directory_});
    address_ = ReadFile(directory_ + "/address").value();
    address_.pop_back();
    MustRun({SourcePath("tests/images/build"), address_});
  }
  ~OwnRegistry() { Run({SourcePath("tests/images/registry"), "stop", directory_}); }

  const std::string& address() const { return address_; }

 private:
  std::string directory_;
  std::string address_;
};

}  // namespace

const std::string& TestRegistry() {
  static const char* const given = getenv("DAVIT_TEST_REGISTRY");
  static const std::unique_ptr<OwnRegistry> own =
      given == nullptr ? std::make_unique<OwnRegistry>() : nullptr;
  static const std::string address = own ? own->address() : given;
  return address;
}

Instance::Instance() : directory_(MakeScratch()) {
  try {
    Start();
  } catch (...) {
    std::filesystem::remove_all(directory_);
    throw;
  }
}

void Instance::Start() {
  // Whoever runs this program can take away what it leaves when it is killed.
  if (const char* list = getenv("DAVIT_TEST_INSTANCES"))
    std::ofstream(list, std::ios::app) << directory_ << "\n";
  for (const char* host : {"registry.test", "registry.k8s.io"}) Mirror(host, TestRegistry());
  setenv("DAVIT_BIN_DIR", DAVIT_BUILD_BIN_DIR, /*overwrite=*/0);
  MustRun({SourcePath("hack/scratch-davitd"), "start", directory_});
  running_ = true;
  auto description = nlohmann::json::parse(ReadFile(directory_ + "/instance.json").value());
  bridge_ = description.at("bridge");
  cgroup_ = "/" + description.at("cgroup").get<std::string>();
  uses_systemd_ = description.at("driver") == "systemd";
}

std::string Instance::CgroupParent(const std::string& name) const {
  return Below(cgroup_, name);
}

std::string Instance::CgroupOfPods() const {
  return Below(CgroupParent("davit"), "pods");
}

std::string Instance::CgroupOfPod(const std::string& pod) const {
  return Below(CgroupOfPods(), pod);
}

// The slice "a-b-NAME.slice" in "/a.slice/a-b.slice", or a directory.
std::string Instance::Below(const std::string& parent, const std::string& name) const {
  if (!uses_systemd_) return parent + "/" + name;
  std::string stem = parent.substr(parent.rfind('/'));
  return parent + stem.substr(0, stem.rfind('.')) + "-" + name + ".slice";
}

std::string Instance::CgroupOfContainer(const std::string& parent, const std::string& container) const {
  return uses_systemd_ ? parent + "/davit-" + container + ".scope" : parent + "/" + container;
}

Instance::~Instance() {
  if (std::string left = Stop(); !left.empty()) std::cerr << left;
}

pid_t Instance::pid() const {
  return std::stoi(ReadFile(directory_ + "/pid").value());
}

void Instance::Kill() {
  PidFd daemon = PidFd::Open(pid()).value();
  daemon.Signal(SIGKILL).value();
  if (!daemon.WaitExit(/*timeout_ms=*/10'000).value()) throw std::runtime_error("davitd survives SIGKILL");
}

void Instance::Restart(const std::vector<std::string>& starter, const std::vector<std::pair<int, int>>& fds) {
  std::vector<std::string> command = starter;
  command.insert(command.end(), {SourcePath("hack/scratch-davitd"), "restart", directory_});
  MustRun(command, fds);
}

void Instance::Mirror(const std::string& host, const std::string& address) {
  MustRun({SourcePath("tests/images/registry"), "mirror", directory_ + "/certs.d", address, host});
}

std::string Instance::Stop() {
  if (!running_) return "";
  running_ = false;
  if (const char* keep = getenv("DAVIT_TEST_LOGS")) {
    std::filesystem::path name = std::filesystem::path(directory_).filename();
    std::error_code error;  // a log that cannot be kept fails no test
    std::filesystem::copy_file(directory_ + "/log", keep / (name += ".davitd.log"), error);
  }
  CommandOutcome outcome = Run({SourcePath("hack/scratch-davitd"), "stop", directory_});
  return outcome.exit_code == 0 ? "" : outcome.output;
}

std::string Instance::Log() const {
  return ReadFile(directory_ + "/log", 256 << 20).value_or("");
}

}  // namespace davit::e2e
