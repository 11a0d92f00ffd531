// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The verbs on the files of local containers, as the service davit.v1.Filesystems promises them.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "api/davit/v1/filesystems.pb.h"
#include "base/clock.h"
#include "base/error.h"
#include "images/archive/image_load.h"
#include "images/interrupt.h"
#include "local/local_containers.h"
#include "local/rootfs_process.h"

namespace davit::local {

// The daemon itself touches no file of a container: each call has a process of its own for that
// (rootfs/request.h). Thread-safe. Deadlines, in MonotonicMilliseconds, are for other operations on the
// container; the interrupt ends the call.
class Filesystems {
 public:
  using Sink = std::function<Result<>(std::string_view piece)>;
  // Gives all pieces of an archive to `take`, which fails if the reader has stopped.
  using Source = std::function<Result<>(const Sink& take)>;

  // All must outlive the object.
  struct Ports {
    LocalContainers& containers;
    std::string program;  // the path of davit-rootfs
    images::ImageLoad::Context images;
    const Clock& clock;
  };
  explicit Filesystems(Ports ports) : ports_(std::move(ports)) {}

  Result<api::StatPathResponse> Stat(const api::StatPathRequest& request, int64_t deadline_ms,
                                     const images::Interrupt& interrupt);
  Result<api::CopySummary> Read(const api::ReadPathRequest& request, int64_t deadline_ms,
                                const images::Interrupt& interrupt, const Sink& sink);
  Result<api::CopySummary> Write(const api::WritePathRequest& request, int64_t deadline_ms,
                                 const images::Interrupt& interrupt, const Source& source);
  Result<api::CopySummary> Export(const std::string& container, int64_t deadline_ms,
                                  const images::Interrupt& interrupt, const Sink& sink);
  using TakeChange = std::function<Result<>(api::FileChange change)>;
  Result<> ListChanges(const std::string& container, int64_t deadline_ms, const images::Interrupt& interrupt,
                       const TakeChange& take);

  // These two are implemented in commit.cc.
  Result<api::CommitContainerResponse> Commit(const api::CommitContainerRequest& request, int64_t deadline_ms,
                                              const images::Interrupt& interrupt);
  // Returns the image's id.
  Result<std::string> Import(const api::ImportFilesystemRequest::Header& header,
                             const images::Interrupt& interrupt, const Source& source);

 private:
  // A process that works on a container's files.
  struct Job {
    RootfsRequest request;
    UniqueFd tree;
    UniqueFd base;
    Visits::Visit* visit;   // null: the files are of no container
    std::string container;  // its name
  };
  using Drive = std::function<Result<>(RootfsProcess& process)>;
  // Starts the process, lets `drive` exchange data with it, and returns its report.
  Result<RootfsReport> Run(Job job, const images::Interrupt& interrupt, const Drive& drive);
  Result<RootfsReport> RunOnFiles(const std::string& container, LocalContainers::WithMounts with_mounts,
                                  RootfsRequest request, int64_t deadline_ms,
                                  const images::Interrupt& interrupt, const Drive& drive);

  const Ports ports_;
  HungProcesses hung_;
};

api::CopySummary SummaryOf(const RootfsReport& report);

}  // namespace davit::local
