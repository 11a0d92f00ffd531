// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Pod networks made by external programs: a chain of plugins as specified by the Container Network Interface
// (https://github.com/containernetworking/cni/blob/v1.1.2/SPEC.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/run_program.h"
#include "cni/plugin_config.h"
#include "cni/result_cache.h"
#include "cni/subnet.h"

namespace davit::cni {

struct PluginPod {
  std::string id;
  std::string netns_path;  // see netns_pin.h; empty for a Delete if the namespace is gone
  CapabilityArguments capabilities = {};
  std::vector<std::pair<std::string, std::string>> args = {};  // CNI_ARGS: K8S_POD_NAMESPACE, K8S_POD_NAME...
};

struct PluginAttachment {
  std::vector<IpAddress> addresses;  // IPv4 first
  std::string result;                // JSON, for Delete; the caller keeps it in its records
  std::optional<Error> not_cached;   // why the result cache does not have it; no reason to fail the pod
};

// Why a plugin's DEL did not succeed.
enum class DeleteTrouble : uint8_t {
  kCannotRun,  // not in bin_dirs, or the kernel cannot execute it: it is no longer installed
  kRefused,    // it ran and failed
  kNoAnswer,   // it asks for a later attempt, was killed (timeout, interrupt), or could not be started now
};

struct FailedDelete {
  PluginConfig plugin;
  DeleteTrouble trouble = DeleteTrouble::kRefused;
  Error error;
};

// Stateless and thread-safe. Each call runs the chain's programs one after the other and waits for them;
// calls for different pods run at the same time. A program that exceeds its time is killed with its process
// group, and named in the error.
class PluginNetwork {
 public:
  struct Options {
    std::vector<std::string> bin_dirs = {"/opt/cni/bin"};
    int timeout_ms = 60'000;  // for each program; then it is killed
    int interrupt_fd = -1;    // owned by the caller; programs are killed if it becomes readable: kCancelled
    std::string cache_dir = {};    // of the ResultCache; empty: none
    std::string cache_owner = {};  // the owner of what this process caches
  };

  PluginNetwork(Options options, PluginList list) : options_(std::move(options)), list_(std::move(list)) {}

  // The network of `text`, the recorded content of `file`; the file itself is not read.
  static Result<PluginNetwork> Restore(const Options& options, const std::string& file,
                                       const std::string& text);
  // The network of the configuration in the cache.
  static Result<PluginNetwork> Restore(const Options& options, const CachedAttachment& attachment);

  const PluginList& list() const { return list_; }

  // Undoes its steps on failure, as far as the plugins can. An argument with a ';' is kInvalidArgument,
  // because CNI_ARGS has no quoting. The result is cached until a Delete without failures.
  Result<PluginAttachment> Add(const PluginPod& pod) const;

  // Runs the chain in reverse order, continues after failures, and returns the failures in that order.
  // `result` is the result of Add; if it is empty, the cached one counts. Idempotent if the plugins are.
  std::vector<FailedDelete> Delete(const PluginPod& pod, const std::string& result) const;

  // Asks the plugins whether the pod's network still is as Add made it (CHECK); the first that denies it is
  // the error. `result` as in Delete. No-op before version 0.4 or if the configuration sets disableCheck.
  Result<> CheckPod(const PluginPod& pod, const std::string& result) const;

  // Makes the plugins release what they still hold for pods other than these (GC). No-op before version 1.1
  // or if the configuration sets disableGC. No pod may be added or deleted meanwhile.
  Result<> Collect(const std::vector<std::string>& live_pods) const;

  // Succeeds if a pod could get a network: the programs exist and, from version 1.1 on, report that they are
  // ready (STATUS).
  Result<> Check() const;

 private:
  Result<std::string> FindProgram(const std::string& type) const;
  Result<ProgramOutcome> Run(const PluginConfig& plugin, const std::string& command, const PluginPod& pod,
                             const std::string& input) const;
  Result<std::string> Call(const PluginConfig& plugin, const std::string& command, const PluginPod& pod,
                           const std::string& input) const;
  std::vector<std::string> Environment(const std::string& command, const PluginPod& pod) const;
  void Undo(const PluginPod& pod, const std::string& result, Error& error) const;
  Result<> PutIntoCache(const PluginPod& pod, const std::string& result) const;
  std::string ResultOf(const PluginPod& pod, const std::string& recorded) const;

  Options options_;
  PluginList list_;
};

}  // namespace davit::cni
