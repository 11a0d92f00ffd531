// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// commit and import.

#include <fcntl.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "base/file_io.h"
#include "cli/image_changes.h"
#include "cli/text.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

constexpr size_t kPieceBytes = 256 << 10;

Result<int> PrintId(const Console& console, const std::string& id) {
  if (console.format == OutputFormat::kJson)
    TRY(console.PrintJson({{"id", id}}));
  else
    TRY(console.Print(id + "\n"));
  return 0;
}

}  // namespace

Result<int> Perform(const Session& session, const CommitOptions& options) {
  api::CommitContainerRequest request;
  request.set_container(options.id);
  request.set_name(options.name);
  request.set_author(options.author);
  request.set_message(options.message);
  *request.mutable_changes() = TRY(ParseImageChanges(options.changes));
  api::CommitContainerResponse made =
      TRY(session.daemon.Call(&FilesystemStub::Commit, request, CallMode::kPatient));
  for (const std::string& problem : made.done().problems()) session.console.Remark(Printable(problem));
  return PrintId(session.console, made.id());
}

Result<int> Perform(const Session& session, const ImportOptions& options) {
  if (options.file.find("://") != std::string::npos) {
    return Fail(Code::kUnimplemented, "import", options.file,
                "fetch it yourself and import the file, or - for standard input");
  }
  UniqueFd file;
  if (options.file != "-") {
    file = TRY(OpenAt(AT_FDCWD, options.file, O_RDONLY));
  } else if (isatty(session.console.in) != 0) {
    return Fail(Code::kFailedPrecondition, "", "import",
                "an archive does not come from a terminal; name a file or redirect the input");
  }
  api::ImportFilesystemRequest::Header header;
  header.set_name(options.name);
  header.set_message(options.message.empty() ? "Imported from " + options.file : options.message);
  *header.mutable_changes() = TRY(ParseImageChanges(options.changes));
  const int fd = file ? file.get() : session.console.in;
  bool first = true;
  auto made = TRY((session.daemon.Send<api::ImportFilesystemRequest, api::ImportFilesystemResponse>(
      &FilesystemStub::ImportImage,
      [&](api::ImportFilesystemRequest& message) -> Result<bool> {
        message.Clear();
        if (std::exchange(first, false)) {
          *message.mutable_header() = header;
          return true;
        }
        std::string& data = *message.mutable_data();
        data.resize(kPieceBytes);
        ssize_t got = TEMP_FAILURE_RETRY(read(fd, data.data(), data.size()));
        if (got < 0) return SystemError("read", options.file);
        data.resize(static_cast<size_t>(got));
        message.set_end(got == 0);
        return got != 0;
      },
      CallMode::kPatient)));
  return PrintId(session.console, made.id());
}

}  // namespace davit::cli
