// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A CRI server under measurement: each call returns how long the client waited for it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "tests/client/cri_client.h"

namespace davit::bench {

using Duration = std::chrono::duration<double, std::milli>;

// A pod with one container, as the benchmark runs it: bridge network, RuntimeDefault seccomp, a log file.
struct BenchPod {
  client::v1::PodSandboxConfig pod_config;
  client::v1::ContainerConfig container_config;
  std::string pod;
  std::string container;
};

// Every call throws if it fails.
class Server {
 public:
  // `scratch` is a directory for log files.
  Server(std::string name, const std::string& socket, std::string scratch, std::string image);

  const std::string& name() const { return name_; }
  // The process that listens on the socket.
  pid_t pid() const { return pid_; }

  void PullImage();
  BenchPod NewPod();

  Duration RunPod(BenchPod& pod);
  Duration Create(BenchPod& pod);
  Duration Start(const BenchPod& pod);
  Duration ExecTrue(const BenchPod& pod);
  // The streaming URL of an exec of `command`.
  std::string ExecUrl(const BenchPod& pod, const std::vector<std::string>& command);
  Duration StopContainer(const BenchPod& pod);
  Duration RemoveContainer(const BenchPod& pod);
  Duration StopPod(const BenchPod& pod);
  Duration RemovePod(const BenchPod& pod);

 private:
  template <typename Stub, typename Request, typename Response>
  Duration Timed(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                 const Request& request, Response* response = nullptr);

  std::string name_;
  std::string scratch_;
  std::string image_;
  pid_t pid_ = 0;
  int pods_made_ = 0;
  client::CriClient client_;
};

}  // namespace davit::bench
