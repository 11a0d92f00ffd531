// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/file_io.h"
#include "cli/credentials.h"
#include "cli/output_file.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

Result<> Export(const Session& session, const std::vector<std::string>& images,
                const std::function<Result<>(std::string_view piece)>& write) {
  api::ExportImagesRequest request;
  for (const std::string& image : images) request.add_images(image);
  for (api::Credentials& source : TRY(FindSourceCredentials(session, images)))
    *request.add_source_credentials() = std::move(source);
  return session.daemon.ReadInto<api::ExportImagesRequest, api::ExportImagesResponse>(
      &OwnImageStub::Export, request,
      [&write](const api::ExportImagesResponse& message) { return write(message.data()); },
      CallMode::kPatient);
}

Result<> SaveToFile(const Session& session, const SaveOptions& options) {
  OutputFile file = TRY(OutputFile::Create(options.file));
  TRY(Export(session, options.images, [&file](std::string_view piece) { return file.Write(piece); }));
  return file.Commit();
}

Result<> SaveToOutput(const Session& session, const SaveOptions& options) {
  const Console& console = session.console;
  if (isatty(console.out) != 0) {
    return Fail(Code::kFailedPrecondition, "", "save",
                "an archive is not for a terminal; use -o FILE or redirect the output");
  }
  return Export(session, options.images, [&console](std::string_view piece) { return console.Print(piece); });
}

}  // namespace

Result<int> Perform(const Session& session, const SaveOptions& options) {
  TRY(options.file.empty() ? SaveToOutput(session, options) : SaveToFile(session, options));
  return 0;
}

}  // namespace davit::cli
