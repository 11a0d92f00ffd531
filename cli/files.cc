// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// diff and export.

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "cli/output_file.h"
#include "cli/text.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

// As in Docker's API.
int NumberOf(api::FileChange::Kind kind) {
  switch (kind) {
    case api::FileChange::ADDED:
      return 1;
    case api::FileChange::DELETED:
      return 2;
    default:
      return 0;
  }
}

char LetterOf(api::FileChange::Kind kind) {
  return "CAD"[NumberOf(kind)];
}

using TakeChange = std::function<Result<>(const api::FileChange& change)>;

Result<> ForEachChange(const Session& session, const std::string& container, const TakeChange& take) {
  api::ContainerChangesRequest request;
  request.set_container(container);
  return session.daemon.ReadInto<api::ContainerChangesRequest, api::ContainerChangesResponse>(
      &FilesystemStub::Changes, request,
      [&take](const api::ContainerChangesResponse& message) -> Result<> {
        for (const api::FileChange& change : message.changes()) TRY(take(change));
        return {};
      },
      CallMode::kPatient);
}

using TakePiece = std::function<Result<>(std::string_view piece)>;

Result<> Export(const Session& session, const std::string& container, const TakePiece& take) {
  api::ExportContainerRequest request;
  request.set_container(container);
  api::CopySummary summary;
  TRY((session.daemon.ReadInto<api::ExportContainerRequest, api::ExportContainerResponse>(
      &FilesystemStub::Export, request,
      [&](const api::ExportContainerResponse& message) {
        if (message.has_done()) summary = message.done();
        return take(message.data());
      },
      CallMode::kPatient)));
  for (const std::string& problem : summary.problems()) session.console.Remark(Printable(problem));
  return {};
}

}  // namespace

Result<int> Perform(const Session& session, const DiffOptions& options) {
  const Console& console = session.console;
  if (console.format == OutputFormat::kJson) {
    nlohmann::json list = nlohmann::json::array();
    TRY(ForEachChange(session, options.id, [&list](const api::FileChange& change) -> Result<> {
      list.push_back({{"Kind", NumberOf(change.kind())}, {"Path", change.path()}});
      return {};
    }));
    TRY(console.PrintJson(list));
    return 0;
  }
  bool to_terminal = isatty(console.out) != 0;
  TRY(ForEachChange(session, options.id, [&](const api::FileChange& change) {
    std::string path = to_terminal ? Printable(change.path()) : change.path();
    return console.Print(std::string(1, LetterOf(change.kind())) + " " + path + "\n");
  }));
  return 0;
}

Result<int> Perform(const Session& session, const ExportOptions& options) {
  const Console& console = session.console;
  if (!options.file.empty()) {
    OutputFile file = TRY(OutputFile::Create(options.file));
    TRY(Export(session, options.id, [&file](std::string_view piece) { return file.Write(piece); }));
    TRY(file.Commit());
    return 0;
  }
  if (isatty(console.out) != 0) {
    return Fail(Code::kFailedPrecondition, "", "export",
                "an archive is not for a terminal; use -o FILE or redirect the output");
  }
  TRY(Export(session, options.id, [&console](std::string_view piece) { return console.Print(piece); }));
  return 0;
}

}  // namespace davit::cli
