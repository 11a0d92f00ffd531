// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/verbs.h"

namespace davit::cli {
namespace {

// Whether a verb acts on local containers that exist, on volumes, networks or images of the node.
struct ActsOnContainers {
  bool operator()(const StartOptions&) const { return true; }
  bool operator()(const StopOptions&) const { return true; }
  bool operator()(const RestartOptions&) const { return true; }
  bool operator()(const KillOptions&) const { return true; }
  bool operator()(const PauseOptions&) const { return true; }
  bool operator()(const UnpauseOptions&) const { return true; }
  bool operator()(const UpdateOptions&) const { return true; }
  bool operator()(const WaitOptions&) const { return true; }
  bool operator()(const RenameOptions&) const { return true; }
  bool operator()(const InspectOptions&) const { return true; }
  bool operator()(const TopOptions&) const { return true; }
  bool operator()(const StatsOptions&) const { return true; }
  bool operator()(const RmOptions&) const { return true; }
  bool operator()(const LogsOptions&) const { return true; }
  bool operator()(const ExecOptions&) const { return true; }
  bool operator()(const CpOptions&) const { return true; }
  bool operator()(const DiffOptions&) const { return true; }
  bool operator()(const ExportOptions&) const { return true; }
  bool operator()(const CommitOptions&) const { return true; }
  bool operator()(const ImportOptions&) const { return true; }
  bool operator()(const NetworkCreateOptions&) const { return true; }
  bool operator()(const NetworkRemoveOptions&) const { return true; }
  bool operator()(const NetworkInspectOptions&) const { return true; }
  bool operator()(const VolumeCreateOptions&) const { return true; }
  bool operator()(const VolumeListOptions&) const { return true; }
  bool operator()(const VolumeInspectOptions&) const { return true; }
  bool operator()(const VolumeRemoveOptions&) const { return true; }
  bool operator()(const VolumePruneOptions&) const { return true; }
  bool operator()(const ContainerPruneOptions&) const { return true; }
  bool operator()(const AttachOptions&) const { return true; }
  bool operator()(const PortOptions&) const { return true; }
  bool operator()(const RmiOptions&) const { return true; }
  bool operator()(const TagOptions&) const { return true; }
  bool operator()(const UntagOptions&) const { return true; }
  bool operator()(const ImageInspectOptions&) const { return true; }
  bool operator()(const ImageHistoryOptions&) const { return true; }
  bool operator()(const compose::Options&) const { return true; }
  template <typename Other>
  bool operator()(const Other&) const {
    return false;
  }
};

struct MayHoldSession {
  bool operator()(const ExecOptions& exec) const { return HoldsSession(exec); }
  bool operator()(const StartOptions& start) const { return start.attach || start.interactive; }
  bool operator()(const RunOptions& run) const { return HoldsSession(run); }
  bool operator()(const compose::Options& options) const { return compose::HoldsSession(options); }
  bool operator()(const AttachOptions&) const { return true; }
  template <typename Other>
  bool operator()(const Other&) const {
    return false;
  }
};

}  // namespace

bool HoldsSession(const ExecOptions& options) {
  bool differs = !options.env.empty() || !options.env_files.empty() || !options.user.empty() ||
                 !options.working_dir.empty();
  return !options.detach && (options.interactive || options.tty || differs);
}

bool HoldsSession(const Verb& verb) {
  return std::visit(MayHoldSession(), verb);
}

int StatusOfFailure(const Verb& verb, const Error& error) {
  if (error.code == Code::kCancelled) return kInterrupted;
  bool unreachable = error.code == Code::kUnavailable || error.code == Code::kPermissionDenied;
  return std::visit(ActsOnContainers(), verb) && !unreachable ? kContainerError : kOwnError;
}

}  // namespace davit::cli
