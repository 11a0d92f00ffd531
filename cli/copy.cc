// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/tree/copy.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "base/file_io.h"
#include "cli/text.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kPieceBytes = 256 << 10;
constexpr int kMostLinks = 40;

struct Place {
  std::string container;  // empty: a local path
  std::string path;
};

// As Docker: what begins like a path is one, whatever colons it has.
Place ParsePlace(const std::string& word) {
  size_t colon = word.find(':');
  if (word.starts_with('/') || word.starts_with('.') || colon == std::string::npos || colon == 0)
    return {"", word};
  return {word.substr(0, colon), word.substr(colon + 1)};
}

// The last component: "." if the path stands for what is in a directory.
std::string BaseOf(const std::string& path) {
  size_t end = path.find_last_not_of('/');
  if (end == std::string::npos) return ".";
  std::string name = path.substr(0, end + 1);
  name = name.substr(name.rfind('/') + 1);
  return name == ".." ? "." : name;
}

std::string ParentOf(const std::string& path) {
  size_t end = path.find_last_not_of('/');
  size_t slash = end == std::string::npos ? std::string::npos : path.rfind('/', end);
  if (slash == std::string::npos) return path.starts_with('/') ? "/" : ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::unexpected<Error> Refuse(const std::string& why) {
  return Fail(Code::kFailedPrecondition, "", "", why);
}

struct Known {
  bool exists = false;
  bool is_directory = false;
};

// Where an archive is to be extracted, and what its root is called there.
struct Target {
  std::string directory;
  std::string name;
};

// Docker's rules (docker cp --help).
Result<Target> TargetOf(const std::string& source, bool source_is_directory, const std::string& destination,
                        const Known& known) {
  if (known.exists && known.is_directory) return Target{destination, BaseOf(source)};
  if (known.exists && source_is_directory) return Refuse("cannot copy directory");
  if (!known.exists && !source_is_directory && destination.ends_with('/')) return Refuse("no such directory");
  return Target{ParentOf(destination), BaseOf(destination)};
}

struct PipeEnds {
  UniqueFd read;
  UniqueFd write;
};

Result<PipeEnds> MakePipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) < 0) return SystemError("pipe2", "copy");
  return PipeEnds{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

// Prints what a copy could not take along; the exit status.
int ReportProblems(const Console& console, const std::vector<std::string>& problems, uint64_t count) {
  for (const std::string& problem : problems) console.Remark(Printable(problem));
  if (count > problems.size())
    console.Remark("and " + std::to_string(count - problems.size()) + " more were not copied");
  return count == 0 ? 0 : kContainerError;
}

int ReportProblems(const Console& console, const api::CopySummary& summary) {
  return ReportProblems(console, {summary.problems().begin(), summary.problems().end()},
                        summary.problem_count());
}

class Copy {
 public:
  Copy(const Session& session, const CpOptions& options) : session_(session), options_(options) {}

  Result<int> Out(const Place& source);
  Result<int> In(const Place& destination);

 private:
  Result<api::StatPathResponse> Stat(const Place& place, bool follow) const;
  // What a path in the container is, following symlinks that are its last component; `place` becomes what
  // they point to.
  Result<Known> Look(Place& place) const;
  using Take = std::function<Result<>(std::string_view piece)>;
  Result<api::CopySummary> Read(const Place& source, const std::string& name, const Take& take);
  Result<int> ToOutput(const Place& source);
  Result<int> ToDirectory(const Place& source, const Target& target);
  Result<int> FromInput(const Place& destination);
  Result<int> FromPath(const Place& destination, const Target& target);
  Result<api::CopySummary> Write(const std::string& container, const std::string& directory, bool keep_owners,
                                 int fd);
  void Tell(const std::string& destination) const;

  const Session& session_;
  const CpOptions& options_;
  uint64_t bytes_ = 0;  // of the archive
};

void Copy::Tell(const std::string& destination) const {
  if (!options_.quiet)
    session_.console.Remark("Successfully copied " + SizeText(bytes_) + " to " + Printable(destination));
}

Result<api::StatPathResponse> Copy::Stat(const Place& place, bool follow) const {
  api::StatPathRequest request;
  request.set_container(place.container);
  request.set_path(place.path);
  request.set_follow_link(follow);
  return session_.daemon.Call(&FilesystemStub::Stat, request);
}

Result<Known> Copy::Look(Place& place) const {
  for (int links = 0; links < kMostLinks; ++links) {
    Result<api::StatPathResponse> found = Stat(place, /*follow=*/false);
    // The container may be missing as well: whoever writes to it is told.
    if (!found && found.error().code == Code::kNotFound) return Known();
    mode_t mode = TRY(std::move(found)).mode();
    if (!S_ISLNK(mode)) return Known{true, S_ISDIR(mode)};
    std::string target = TRY(Stat(place, false)).link_target();
    place.path = target.starts_with('/') ? target : ParentOf(place.path) + "/" + target;
  }
  return Refuse(place.path + ": too many symbolic links");
}

Result<api::CopySummary> Copy::Read(const Place& source, const std::string& name, const Take& take) {
  api::ReadPathRequest request;
  request.set_container(source.container);
  request.set_path(source.path);
  request.set_follow_link(options_.follow_link);
  request.set_archive_name(name);
  api::CopySummary summary;
  TRY((session_.daemon.ReadInto<api::ReadPathRequest, api::ReadPathResponse>(
      &FilesystemStub::Read, request,
      [&](const api::ReadPathResponse& message) -> Result<> {
        if (message.has_done()) summary = message.done();
        bytes_ += message.data().size();
        return take(message.data());
      },
      CallMode::kPatient)));
  return summary;
}

Result<int> Copy::ToOutput(const Place& source) {
  const Console& console = session_.console;
  if (isatty(console.out) != 0)
    return Refuse("an archive is not for a terminal; redirect the output, or name a destination");
  api::CopySummary summary = TRY(
      Read(source, BaseOf(source.path), [&console](std::string_view piece) { return console.Print(piece); }));
  return ReportProblems(console, summary);
}

// The archive is extracted here, with the rights of whoever runs the command.
Result<int> Copy::ToDirectory(const Place& source, const Target& target) {
  UniqueFd directory = TRY(OpenAt(AT_FDCWD, target.directory, O_RDONLY | O_DIRECTORY));
  PipeEnds pipe = TRY(MakePipe());
  local::LocalCopy extracted;
  std::jthread extractor([&] {
    extracted = local::ExtractArchive(pipe.read.get(), directory.get(), options_.archive);
    pipe.read.Reset();  // the writer sees that nobody reads
  });
  Result<api::CopySummary> read = Read(source, target.name, [&pipe](std::string_view piece) {
    return WriteAll(pipe.write.get(), piece, "pipe");
  });
  pipe.write.Reset();
  extractor.join();
  // What the archive lacks is the daemon's to explain, unless the extractor has stopped first.
  bool stopped_first = !read && read.error().os_errno == EPIPE;
  if (!read && !stopped_first) return std::unexpected(std::move(read).error());
  TRY(std::move(extracted.result));
  api::CopySummary summary = TRY(std::move(read));
  int status = ReportProblems(session_.console, summary);
  int own = ReportProblems(session_.console, extracted.problems, extracted.problem_count);
  return status != 0 ? status : own;
}

Result<int> Copy::Out(const Place& source) {
  if (options_.destination == "-") return ToOutput(source);
  std::string destination = options_.destination;
  api::StatPathResponse found = TRY(Stat(source, options_.follow_link));
  std::error_code failed;
  if (fs::is_symlink(destination, failed)) {
    fs::path real = fs::weakly_canonical(destination, failed);
    if (!failed) destination = real;
  }
  fs::file_status status = fs::status(destination, failed);
  Known known{fs::exists(status), fs::is_directory(status)};
  Target target = TRY(TargetOf(source.path, S_ISDIR(found.mode()), destination, known));
  if (!fs::is_directory(target.directory, failed))
    return Refuse("invalid output path: directory \"" + target.directory + "\" does not exist");
  if (known.exists && !known.is_directory && !fs::is_regular_file(status))
    return Refuse("destination \"" + destination + "\" must be a directory or a regular file");
  int copied = TRY(ToDirectory(source, target));
  Tell(options_.destination);
  return copied;
}

Result<api::CopySummary> Copy::Write(const std::string& container, const std::string& directory,
                                     bool keep_owners, int fd) {
  bool first = true;
  api::WritePathResponse response = TRY((session_.daemon.Send<api::WritePathRequest, api::WritePathResponse>(
      &FilesystemStub::Write,
      [&](api::WritePathRequest& message) -> Result<bool> {
        message.Clear();
        if (std::exchange(first, false)) {
          message.set_container(container);
          message.set_path(directory);
          message.set_keep_owners(keep_owners);
          return true;
        }
        std::string& data = *message.mutable_data();
        data.resize(kPieceBytes);
        ssize_t got = TEMP_FAILURE_RETRY(read(fd, data.data(), data.size()));
        if (got < 0) return SystemError("read", "archive");
        data.resize(static_cast<size_t>(got));
        bytes_ += data.size();
        message.set_end(got == 0);
        return got != 0;
      },
      CallMode::kPatient)));
  return response.done();
}

Result<int> Copy::FromInput(const Place& destination) {
  if (isatty(session_.console.in) != 0)
    return Refuse("an archive does not come from a terminal; redirect the input");
  Place place = destination;
  Known known = TRY(Look(place));
  if (!known.is_directory)
    return Refuse("destination \"" + destination.container + ":" + destination.path +
                  "\" must be a directory");
  return ReportProblems(session_.console,
                        TRY(Write(place.container, place.path, /*keep_owners=*/true, session_.console.in)));
}

Result<int> Copy::FromPath(const Place& destination, const Target& target) {
  PipeEnds pipe = TRY(MakePipe());
  local::LocalCopy packed;
  std::jthread packer([&] {
    packed = local::PackPath(options_.source, options_.follow_link, target.name, pipe.write.get());
    pipe.write.Reset();
  });
  Result<api::CopySummary> written =
      Write(destination.container, target.directory, options_.archive, pipe.read.get());
  pipe.read.Reset();
  packer.join();
  bool reader_left = !packed.result && packed.result.error().os_errno == EPIPE;
  if (!written && (packed.result || reader_left)) return std::unexpected(std::move(written).error());
  TRY(std::move(packed.result));
  int status = ReportProblems(session_.console, TRY(std::move(written)));
  int own = ReportProblems(session_.console, packed.problems, packed.problem_count);
  return status != 0 ? status : own;
}

Result<int> Copy::In(const Place& destination) {
  if (options_.source == "-") return FromInput(destination);
  struct stat source;
  bool follows = options_.follow_link || options_.source.ends_with('/');
  if ((follows ? stat : lstat)(options_.source.c_str(), &source) < 0)
    return SystemError("stat", options_.source);
  Place place = destination;
  Known known = TRY(Look(place));
  Target target = TRY(TargetOf(options_.source, S_ISDIR(source.st_mode), place.path, known));
  int copied = TRY(FromPath(place, target));
  Tell(destination.container + ":" + destination.path);
  return copied;
}

}  // namespace

Result<int> Perform(const Session& session, const CpOptions& options) {
  Place source = ParsePlace(options.source);
  Place destination = ParsePlace(options.destination);
  if (!source.container.empty() && !destination.container.empty())
    return Fail(Code::kInvalidArgument, "", "", "copying between containers is not supported");
  if (source.container.empty() && destination.container.empty()) {
    return Fail(Code::kInvalidArgument, "", "",
                "must specify at least one container source: write CONTAINER:PATH");
  }
  Place& inside = source.container.empty() ? destination : source;
  if (inside.path.empty())
    return Fail(Code::kInvalidArgument, "", "", "the path in the container is missing");
  Copy copy(session, options);
  return source.container.empty() ? copy.In(destination) : copy.Out(source);
}

}  // namespace davit::cli
