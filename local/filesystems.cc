// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/filesystems.h"

#include "cri/service/field_limits.h"

namespace davit::local {
namespace {

using WithMounts = LocalContainers::WithMounts;

// The longest record of a change: PATH_MAX and what is around it.
constexpr size_t kMostRecord = 8 << 10;

std::string LastNameOf(const std::string& path) {
  size_t end = path.find_last_not_of('/');
  if (end == std::string::npos) return ".";
  std::string name = path.substr(0, end + 1);
  name = name.substr(name.rfind('/') + 1);
  return name == ".." ? "." : name;
}

// What people know of Docker.
Error Explain(Error error, const std::string& path, const std::string& container) {
  bool at_path = error.step == "open" || error.step == "stat" || error.step == "archive";
  if (error.os_errno == EROFS) {
    error = Error{Code::kFailedPrecondition, 0, "", "", "container rootfs is marked read-only"};
  } else if (error.os_errno == ENOTDIR && at_path) {
    error = Error{Code::kFailedPrecondition, 0, "", "",
                  path + " in container " + container + ": not a directory"};
  } else if (error.code == Code::kNotFound && at_path) {
    error =
        Error{Code::kNotFound, 0, "", "", "Could not find the file " + path + " in container " + container};
  }
  return error;
}

// Passes on all that the process writes.
Result<> Drain(RootfsProcess& process, const Filesystems::Sink& sink) {
  for (std::string_view piece = TRY(process.Read()); !piece.empty(); piece = TRY(process.Read()))
    TRY(sink(piece));
  return {};
}

// Reads "A/path" and a NUL for each change.
class ChangeReader {
 public:
  explicit ChangeReader(const Filesystems::TakeChange& take) : take_(take) {}

  Result<> Read(std::string_view piece) {
    while (!piece.empty()) {
      size_t end = std::min(piece.find('\0'), piece.size());
      rest_ += piece.substr(0, end);
      if (rest_.size() > kMostRecord) return Fail(Code::kInternal, "read", "changes", "a record is too long");
      if (end == piece.size()) return {};
      TRY(take_(TRY(Parse())));
      rest_.clear();
      piece.remove_prefix(end + 1);
    }
    return {};
  }

 private:
  Result<api::FileChange> Parse() const {
    api::FileChange change;
    if (rest_.starts_with("A/")) change.set_kind(api::FileChange::ADDED);
    if (rest_.starts_with("C/")) change.set_kind(api::FileChange::MODIFIED);
    if (rest_.starts_with("D/")) change.set_kind(api::FileChange::DELETED);
    if (change.kind() == api::FileChange::KIND_UNSPECIFIED)
      return Fail(Code::kInternal, "read", "changes", "a record is malformed");
    change.set_path(rest_.substr(1));
    return change;
  }

  const Filesystems::TakeChange& take_;
  std::string rest_;
};

}  // namespace

api::CopySummary SummaryOf(const RootfsReport& report) {
  api::CopySummary summary;
  summary.set_entries(report.entries);
  summary.set_bytes(report.bytes);
  for (const std::string& problem : report.problems) summary.add_problems(cri::ToResponseText(problem));
  summary.set_problem_count(report.problem_count);
  return summary;
}

// A process that stops reading has a reason, which it reports.
Result<RootfsReport> Filesystems::Run(Job job, const images::Interrupt& interrupt, const Drive& drive) {
  auto ended = [visit = job.visit] { return visit != nullptr && visit->ended(); };
  const images::Interrupt either([&] { return interrupt.Check().has_value() && !ended(); });
  auto process = TRY(RootfsProcess::Start({ports_.program, hung_}, job.request, job.tree, job.base, either));
  job.tree.Reset();  // the process has the only one, so that no mount outlives it
  job.base.Reset();
  if (job.visit != nullptr) job.visit->SetProcess(TRY(process->Handle()));
  Result<> driven = drive ? drive(*process) : Result<>();
  bool stopped = !driven && driven.error().os_errno == EPIPE;
  Result<RootfsReport> report =
      driven || stopped ? process->Finish() : Result<RootfsReport>(std::unexpected(driven.error()));
  if (!report && ended()) {
    return Fail(Code::kFailedPrecondition, "", "",
                "container " + job.container + " was started or removed before the end");
  }
  return report;
}

Result<RootfsReport> Filesystems::RunOnFiles(const std::string& container, WithMounts with_mounts,
                                             RootfsRequest request, int64_t deadline_ms,
                                             const images::Interrupt& interrupt, const Drive& drive) {
  LocalContainers::Files files = TRY(ports_.containers.OpenFiles(container, with_mounts, deadline_ms));
  request.tree = files.tree;
  request.mounts = std::move(files.mounts);
  request.read_only = files.read_only;
  std::string path = request.path;
  Result<RootfsReport> report =
      Run({std::move(request), std::move(files.tree_fd), UniqueFd(), files.visit.get(), files.name},
          interrupt, drive);
  if (!report) return std::unexpected(Explain(std::move(report).error(), path, files.name));
  return report;
}

Result<api::StatPathResponse> Filesystems::Stat(const api::StatPathRequest& request, int64_t deadline_ms,
                                                const images::Interrupt& interrupt) {
  RootfsRequest stat;
  stat.verb = RootfsVerb::kStat;
  stat.path = request.path();
  stat.follow_link = request.follow_link();
  RootfsReport report = TRY(
      RunOnFiles(request.container(), WithMounts::kYes, std::move(stat), deadline_ms, interrupt, nullptr));
  api::StatPathResponse response;
  response.set_mode(report.mode);
  response.set_size(report.size);
  response.set_modified_at(report.mtime);
  response.set_link_target(report.link_target);
  return response;
}

Result<api::CopySummary> Filesystems::Read(const api::ReadPathRequest& request, int64_t deadline_ms,
                                           const images::Interrupt& interrupt, const Sink& sink) {
  RootfsRequest pack;
  pack.verb = RootfsVerb::kPack;
  pack.path = request.path();
  pack.follow_link = request.follow_link();
  pack.archive_name = request.archive_name().empty() ? LastNameOf(request.path()) : request.archive_name();
  return SummaryOf(
      TRY(RunOnFiles(request.container(), WithMounts::kYes, std::move(pack), deadline_ms, interrupt,
                     [&sink](RootfsProcess& process) { return Drain(process, sink); })));
}

Result<api::CopySummary> Filesystems::Write(const api::WritePathRequest& request, int64_t deadline_ms,
                                            const images::Interrupt& interrupt, const Source& source) {
  RootfsRequest extract;
  extract.verb = RootfsVerb::kExtract;
  extract.path = request.path();
  extract.keep_owners = request.keep_owners();
  return SummaryOf(TRY(RunOnFiles(request.container(), WithMounts::kYes, std::move(extract), deadline_ms,
                                  interrupt, [&source](RootfsProcess& process) {
                                    return source(
                                        [&process](std::string_view piece) { return process.Write(piece); });
                                  })));
}

Result<api::CopySummary> Filesystems::Export(const std::string& container, int64_t deadline_ms,
                                             const images::Interrupt& interrupt, const Sink& sink) {
  RootfsRequest request;
  request.verb = RootfsVerb::kExport;
  request.path = "/";
  return SummaryOf(TRY(RunOnFiles(container, WithMounts::kNo, std::move(request), deadline_ms, interrupt,
                                  [&sink](RootfsProcess& process) { return Drain(process, sink); })));
}

Result<> Filesystems::ListChanges(const std::string& container, int64_t deadline_ms,
                                  const images::Interrupt& interrupt, const TakeChange& take) {
  LocalContainers::Changes changes = TRY(ports_.containers.OpenChanges(container, deadline_ms));
  RootfsRequest request;
  request.verb = RootfsVerb::kListChanges;
  request.tree = RootfsTree::kDirectory;
  request.has_base = changes.base.valid();
  ChangeReader reader(take);
  TRY(Run({std::move(request), std::move(changes.changes), std::move(changes.base), changes.visit.get(),
           container},
          interrupt, [&reader](RootfsProcess& process) {
            return Drain(process, [&reader](std::string_view piece) { return reader.Read(piece); });
          }));
  return {};
}

}  // namespace davit::local
