// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test support: a service for local containers that runs nothing. A Script says what a workload does.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "api/davit/v1/containers.grpc.pb.h"
#include "cli/testing/fake_images.h"
#include "cli/testing/fake_sessions.h"

namespace davit::cli {

// What a container does once it has been started.
struct Script {
  std::string start_error = {};       // Start fails with this text
  int start_exit_code = 125;          // which its state then has
  std::string log = {};               // in CRI format
  std::optional<int> exit_code = {};  // set: ends at once; not set: runs until it is stopped or End is called
  bool heeds_stop = true;             // ends when stopped with a grace period, or interrupted
};

class FakeContainers final : public ::davit::v1::Containers::Service {
 public:
  // For the daemon at `socket`. The logs are in a directory beside it.
  FakeContainers(const FakeImages& images, const std::string& socket);

  void SetScript(Script script);
  // Waits until there is a running container.
  void AwaitRunning();
  // Append to the output of the only running container, in CRI format; end that container.
  void Write(const std::string& log);
  void End(int exit_code);
  // The only running container's log becomes another file, and the one before disappears.
  void ReplaceLog(const std::string& log);

  std::vector<std::string> names() const;
  // "Stop web 10", "Stop web default", "Remove web": the calls so far that change something, in order.
  std::vector<std::string> calls() const;
  ::davit::v1::ContainerSpec last_spec() const;
  // The CPU time that each call of Stats adds.
  static constexpr uint64_t kCpuStep = 500'000'000;

#define DAVIT_RPC(name, Message)                                                        \
  grpc::Status name(grpc::ServerContext*, const ::davit::v1::Message##Request* request, \
                    ::davit::v1::Message##Response* response) override
  DAVIT_RPC(Create, CreateContainer);
  DAVIT_RPC(Start, StartContainer);
  DAVIT_RPC(Stop, StopContainer);
  DAVIT_RPC(Restart, RestartContainer);
  DAVIT_RPC(Kill, KillContainer);
  DAVIT_RPC(Pause, PauseContainer);
  DAVIT_RPC(Unpause, UnpauseContainer);
  DAVIT_RPC(Update, UpdateContainer);
  DAVIT_RPC(Rename, RenameContainer);
  DAVIT_RPC(Remove, RemoveContainer);
  DAVIT_RPC(Inspect, InspectContainer);
  DAVIT_RPC(Exec, ExecContainer);
  DAVIT_RPC(Stats, ContainerStats);
  DAVIT_RPC(Top, TopContainer);
#undef DAVIT_RPC
  grpc::Status Wait(grpc::ServerContext*, const ::davit::v1::WaitContainerRequest* request,
                    grpc::ServerWriter<::davit::v1::WaitContainerResponse>* writer) override;
  grpc::Status List(grpc::ServerContext*, const ::davit::v1::ListContainersRequest* request,
                    grpc::ServerWriter<::davit::v1::ListContainersResponse>* writer) override;

 private:
  using Container = ::davit::v1::Container;

  Container* Find(const std::string& text);
  Container* OnlyRunning();
  void End(Container& container, int exit_code);
  // To the log, and to the client that is attached.
  void Put(const Container& container, const std::string& log);

  const FakeImages& images_;
  const std::string directory_;
  FakeSessions sessions_;
  mutable std::mutex mutex_;  // guards the members below
  std::condition_variable started_;
  Script script_;
  std::map<std::string, Container> containers_;
  std::map<std::string, FakeStreams> attached_;
  std::map<std::string, int> removed_;  // exit codes
  std::vector<std::string> calls_;
  ::davit::v1::ContainerSpec last_spec_;
  int samples_ = 0;
  int ids_ = 0;
};

}  // namespace davit::cli
