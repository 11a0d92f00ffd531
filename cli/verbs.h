// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The verbs of the command line, each in the file named after it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "cli/completion.h"
#include "cli/compose/options.h"
#include "cli/console.h"
#include "cli/daemon.h"
#include "cli/interrupt.h"
#include "cli/run_config.h"
#include "cli/terminal/detach_keys.h"

namespace davit::cli {

// The exit status for errors of davit itself; as in Docker another one for verbs on containers that exist,
// volumes, networks and images of the node.
constexpr int kOwnError = 125;
constexpr int kContainerError = 1;
constexpr int kInterrupted = 130;  // 128 + SIGINT

// Containers are named by name, id, or beginning of an id.

struct CreateOptions {
  RunOptions run;
};

struct PsOptions {
  bool all = false;                       // also containers that do not run
  bool kubelets = false;                  // also those of the CRI, and its pods without containers
  bool quiet = false;                     // only ids
  bool no_trunc = false;                  // whole ids and commands
  bool sizes = false;                     // also what they have written
  int64_t last = 0;                       // only so many, the newest, whether they run or not; 0: all
  std::string format = {};                // a template (template.h)
  std::vector<std::string> filters = {};  // as ContainerFilter takes them
};

struct PortOptions {
  std::string id = {};
  std::string port = {};  // PORT[/PROTOCOL] of the container; empty: all
};

struct LogsOptions {
  std::string id = {};
  bool follow = false;  // until the container ends
  bool timestamps = false;
  std::string tail = "all";  // a number of lines, or "all"
  std::string since = {};    // as ParseMoment takes it
  std::string until = {};    // the same
};

struct ExecOptions {
  std::string id = {};
  std::vector<std::string> command = {};
  bool interactive = false;  // pass standard input on
  bool tty = false;          // run it at a terminal
  bool detach = false;       // do not wait for it
  std::string detach_keys = kDefaultDetachKeys;
  std::vector<std::string> env = {};  // as in RunOptions
  std::vector<std::string> env_files = {};
  std::string user = {};         // empty: the container's
  std::string working_dir = {};  // empty: the container's
};

struct AttachOptions {
  std::string id = {};
  bool no_stdin = false;
  bool sig_proxy = true;
  std::string detach_keys = kDefaultDetachKeys;
};

struct StartOptions {
  std::vector<std::string> ids = {};
  bool attach = false;       // show the output of the one container until it ends
  bool interactive = false;  // the same, and pass standard input on
  std::string detach_keys = kDefaultDetachKeys;
};

struct StopOptions {
  std::vector<std::string> ids = {};
  std::optional<int64_t> grace_seconds = {};  // until SIGKILL; absent: the container's own
};

struct RestartOptions {
  std::vector<std::string> ids = {};
  std::optional<int64_t> grace_seconds = {};
};

struct KillOptions {
  std::vector<std::string> ids;
  std::string signal = "KILL";
};

struct PauseOptions {
  std::vector<std::string> ids;
};

struct UnpauseOptions {
  std::vector<std::string> ids;
};

// Texts are as written on the command line; what is not given stays as it is.
struct UpdateOptions {
  std::vector<std::string> ids = {};
  std::string memory = {};
  std::string memory_swap = {};
  std::string cpus = {};
  std::optional<int64_t> cpu_shares = {};
  std::string cpuset_cpus = {};
  std::optional<int64_t> pids_limit = {};
  std::string restart = {};
};

struct EventsOptions {
  std::string since = {};  // as ParseEventTime takes it; empty: only new ones
  std::string until = {};  // empty: until it is interrupted
  std::vector<std::string> filters = {};
  std::string format = {};  // a template (template.h)
};

struct WaitOptions {
  std::vector<std::string> ids;
};

struct RenameOptions {
  std::string id;
  std::string name;
};

struct InspectOptions {
  std::vector<std::string> ids = {};  // names or ids, of containers and other things
  std::string type = {};    // "container", "image", "network" or "volume"; empty: the first that is found
  std::string format = {};  // a template (template.h)
};

struct TopOptions {
  std::string id = {};
};

struct StatsOptions {
  std::vector<std::string> ids = {};  // none: all local containers that run
  bool kubelets = false;              // also those of the CRI
  bool once = false;                  // one table, instead of a new one every second
  bool no_trunc = false;              // whole ids
  std::string format = {};            // a template (template.h)
};

struct RmOptions {
  std::vector<std::string> ids;
  bool force = false;    // also running containers
  bool volumes = false;  // also anonymous volumes
};

struct ContainerPruneOptions {
  bool force = false;  // do not ask
};

struct VolumeCreateOptions {
  std::string name = {};  // empty: an anonymous volume
  std::vector<std::string> labels = {};
  std::string driver = "local";
};

struct VolumeListOptions {
  bool quiet = false;                     // only names
  std::vector<std::string> filters = {};  // dangling=BOOL, driver=local, name=TEXT, label=KEY[=VALUE]
  std::string format = {};                // a template (template.h)
};

struct VolumeInspectOptions {
  std::vector<std::string> names = {};
  std::string format = {};  // a template (template.h)
};

struct VolumeRemoveOptions {
  std::vector<std::string> names = {};
  bool force = false;  // those that do not exist are no error
};

struct VolumePruneOptions {
  bool all = false;                       // also volumes with a name
  bool force = false;                     // do not ask
  std::vector<std::string> filters = {};  // label=KEY[=VALUE]
};

struct PullOptions {
  std::string image = {};
  bool quiet = false;  // print only the image's name
};

struct PushOptions {
  std::string image = {};
  bool quiet = false;  // print only the image's name
};

struct SaveOptions {
  std::vector<std::string> images = {};
  std::string file = {};  // empty: standard output
};

struct LoadOptions {
  std::string file = {};  // empty: standard input
  bool quiet = false;     // no progress
};

struct ImagesOptions {
  bool quiet = false;                     // only ids
  bool digests = false;                   // also the digests
  bool no_trunc = false;                  // whole ids
  bool tree = false;                      // the layers, and which images are made of them
  std::string reference = {};             // NAME[:TAG] or a pattern; empty: all
  std::vector<std::string> filters = {};  // as ImageFilter takes them
  std::string format = {};                // a template (template.h)
};

struct TagOptions {
  std::string image = {};
  std::string tag = {};
};

struct UntagOptions {
  std::vector<std::string> tags = {};
};

struct ImageInspectOptions {
  std::vector<std::string> images = {};
  std::string format = {};  // a template (template.h)
};

struct ImageHistoryOptions {
  std::string image = {};
  bool no_trunc = false;    // whole commands
  bool quiet = false;       // only ids
  std::string format = {};  // a template (template.h)
};

struct ImagePruneOptions {
  bool all = false;      // also images with tags
  bool dry_run = false;  // remove nothing
  bool force = false;    // do not ask
};

struct ImageVerifyOptions {
  std::vector<std::string> images = {};  // none: all
  bool quick = false;                    // do not read the content of files
};

struct ImageRepairOptions {
  std::vector<std::string> images = {};  // none: all
};

struct SystemDfOptions {
  bool verbose = false;     // every image
  std::string format = {};  // a template (template.h)
};

struct LoginOptions {
  std::string server = {};    // empty: Docker Hub
  std::string username = {};  // empty: ask for it
  std::optional<std::string> password = {};
  bool password_stdin = false;
};

struct LogoutOptions {
  std::string server = {};  // empty: Docker Hub
};

struct RmiOptions {
  std::vector<std::string> images = {};
  bool force = false;  // those that do not exist are no error
};

struct InfoOptions {
  std::string format = {};  // a template (template.h)
};

struct CompletionOptions {
  std::string shell = {};  // "bash", "zsh" or "fish"
};

// What a shell asks (completion_verbs.h).
struct CompleteOptions {
  Completion completion = {};
  std::string begun = {};  // the word to complete
};

struct VersionOptions {
  std::string format = {};  // a template (template.h)
};

struct SystemPruneOptions {
  bool all = false;      // also images with tags, and what unfinished pulls have left
  bool volumes = false;  // also anonymous volumes
  bool force = false;    // do not ask
};

struct NetworkListOptions {
  bool quiet = false;                     // only ids, of the networks that have one
  bool no_trunc = false;                  // whole ids
  std::vector<std::string> filters = {};  // of Docker; those that people have made
  std::string format = {};                // a template (template.h)
};

// Texts are as written on the command line.
struct NetworkCreateOptions {
  std::string name = {};
  std::vector<std::string> subnets = {};
  std::vector<std::string> gateways = {};
  std::vector<std::string> labels = {};
  std::string driver = "bridge";
  bool internal = false;
};

struct NetworkRemoveOptions {
  std::vector<std::string> networks = {};
};

struct NetworkInspectOptions {
  std::vector<std::string> networks = {};
  std::string format = {};  // a template (template.h)
};

struct NetworkPruneOptions {
  bool force = false;  // do not ask
};

struct NetworkStatusOptions {};

struct CpOptions {
  std::string source = {};       // CONTAINER:PATH, a local path, or "-": an archive on standard input
  std::string destination = {};  // the same; "-": an archive on standard output
  bool archive = false;          // keep owners
  bool follow_link = false;      // if the source is a symlink: copy what it points to
  bool quiet = false;
};

struct DiffOptions {
  std::string id = {};
};

struct ExportOptions {
  std::string id = {};
  std::string file = {};  // empty: standard output
};

struct CommitOptions {
  std::string id = {};
  std::string name = {};  // REPOSITORY[:TAG]; may be empty
  std::string author = {};
  std::string message = {};
  std::vector<std::string> changes = {};  // instructions of a Dockerfile
};

struct ImportOptions {
  std::string file = {};  // "-": standard input
  std::string name = {};  // as in CommitOptions
  std::string message = {};
  std::vector<std::string> changes = {};
};

struct BuildOptions {
  std::string context = {};                      // a directory
  std::string file = {};                         // "-": standard input; empty: Dockerfile in the context
  std::string target = {};                       // empty: the last stage
  std::vector<std::string> arguments = {};       // NAME=VALUE, or NAME of a variable of our environment
  std::vector<std::string> named_contexts = {};  // NAME=SOURCE
};

using Verb = std::variant<
    RunOptions, PsOptions, LogsOptions, ExecOptions, StopOptions, RmOptions, PullOptions, ImagesOptions,
    TagOptions, UntagOptions, ImageInspectOptions, ImageHistoryOptions, ImagePruneOptions, ImageVerifyOptions,
    ImageRepairOptions, SystemDfOptions, LoginOptions, LogoutOptions, RmiOptions, InfoOptions, PushOptions,
    SaveOptions, LoadOptions, NetworkListOptions, NetworkStatusOptions, CreateOptions, StartOptions,
    RestartOptions, KillOptions, WaitOptions, RenameOptions, InspectOptions, TopOptions, StatsOptions,
    BuildOptions, VolumeCreateOptions, VolumeListOptions, VolumeInspectOptions, VolumeRemoveOptions,
    VolumePruneOptions, ContainerPruneOptions, SystemPruneOptions, AttachOptions, NetworkCreateOptions,
    NetworkRemoveOptions, NetworkInspectOptions, NetworkPruneOptions, CpOptions, DiffOptions, ExportOptions,
    CommitOptions, ImportOptions, PauseOptions, UnpauseOptions, UpdateOptions, EventsOptions, PortOptions,
    VersionOptions, CompletionOptions, CompleteOptions, compose::Options>;

// The context of a verb. The caller owns all parts.
struct Session {
  const Daemon& daemon;
  const Console& console;
  Interrupt& interrupt;
};

// Whether `davit exec` runs its command by a session, and not by a call that returns its output.
bool HoldsSession(const ExecOptions& options);
// Whether the verb has a session (terminal/session_run.h), before which SessionSignals::Block must be called.
bool HoldsSession(const Verb& verb);

// The exit status of a verb that has failed with `error`.
int StatusOfFailure(const Verb& verb, const Error& error);

// Each function returns the exit status of the command. Verbs with several ids continue after a failure,
// print every error but the last as a remark, and return the last.
Result<int> Perform(const Session& session, const RunOptions& options);
Result<int> Perform(const Session& session, const CreateOptions& options);
Result<int> Perform(const Session& session, const StartOptions& options);
Result<int> Perform(const Session& session, const RestartOptions& options);
Result<int> Perform(const Session& session, const KillOptions& options);
Result<int> Perform(const Session& session, const PauseOptions& options);
Result<int> Perform(const Session& session, const UnpauseOptions& options);
Result<int> Perform(const Session& session, const UpdateOptions& options);
Result<int> Perform(const Session& session, const EventsOptions& options);
Result<int> Perform(const Session& session, const WaitOptions& options);
Result<int> Perform(const Session& session, const RenameOptions& options);
Result<int> Perform(const Session& session, const InspectOptions& options);
Result<int> Perform(const Session& session, const TopOptions& options);
Result<int> Perform(const Session& session, const StatsOptions& options);
Result<int> Perform(const Session& session, const PsOptions& options);
Result<int> Perform(const Session& session, const LogsOptions& options);
Result<int> Perform(const Session& session, const PortOptions& options);
Result<int> Perform(const Session& session, const VersionOptions& options);
Result<int> Perform(const Session& session, const CompletionOptions& options);
Result<int> Perform(const Session& session, const CompleteOptions& options);
Result<int> Perform(const Session& session, const ExecOptions& options);
Result<int> Perform(const Session& session, const AttachOptions& options);
Result<int> Perform(const Session& session, const StopOptions& options);
Result<int> Perform(const Session& session, const RmOptions& options);
Result<int> Perform(const Session& session, const PullOptions& options);
Result<int> Perform(const Session& session, const PushOptions& options);
Result<int> Perform(const Session& session, const SaveOptions& options);
Result<int> Perform(const Session& session, const LoadOptions& options);
Result<int> Perform(const Session& session, const ImagesOptions& options);
Result<int> Perform(const Session& session, const TagOptions& options);
Result<int> Perform(const Session& session, const UntagOptions& options);
Result<int> Perform(const Session& session, const ImageInspectOptions& options);
Result<int> Perform(const Session& session, const ImageHistoryOptions& options);
Result<int> Perform(const Session& session, const ImagePruneOptions& options);
Result<int> Perform(const Session& session, const ImageVerifyOptions& options);
Result<int> Perform(const Session& session, const ImageRepairOptions& options);
Result<int> Perform(const Session& session, const SystemDfOptions& options);
Result<int> Perform(const Session& session, const LoginOptions& options);
Result<int> Perform(const Session& session, const LogoutOptions& options);
Result<int> Perform(const Session& session, const RmiOptions& options);
Result<int> Perform(const Session& session, const InfoOptions& options);
Result<int> Perform(const Session& session, const NetworkListOptions& options);
Result<int> Perform(const Session& session, const NetworkStatusOptions& options);
Result<int> Perform(const Session& session, const VolumeCreateOptions& options);
Result<int> Perform(const Session& session, const VolumeListOptions& options);
Result<int> Perform(const Session& session, const VolumeInspectOptions& options);
Result<int> Perform(const Session& session, const VolumeRemoveOptions& options);
Result<int> Perform(const Session& session, const VolumePruneOptions& options);
Result<int> Perform(const Session& session, const ContainerPruneOptions& options);
Result<int> Perform(const Session& session, const SystemPruneOptions& options);
Result<int> Perform(const Session& session, const NetworkCreateOptions& options);
Result<int> Perform(const Session& session, const NetworkRemoveOptions& options);
Result<int> Perform(const Session& session, const NetworkInspectOptions& options);
Result<int> Perform(const Session& session, const NetworkPruneOptions& options);
Result<int> Perform(const Session& session, const CpOptions& options);
Result<int> Perform(const Session& session, const DiffOptions& options);
Result<int> Perform(const Session& session, const ExportOptions& options);
Result<int> Perform(const Session& session, const CommitOptions& options);
Result<int> Perform(const Session& session, const ImportOptions& options);
Result<int> Perform(const Session& session, const BuildOptions& options);
Result<int> Perform(const Session& session, const compose::Options& options);

// What Perform does for BuildOptions: it needs no daemon. Prints what is wrong in the Dockerfile and the
// .dockerignore; the status is 1 if a build would fail.
Result<int> CheckBuild(const Console& console, const BuildOptions& options);

}  // namespace davit::cli
