// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The methods of davit.v1.Images that carry images to other places, and from them.

#include "cri/service/api_credentials.h"
#include "cri/service/archive_stream.h"
#include "cri/service/carry_client.h"
#include "cri/service/entitlement.h"
#include "cri/service/field_limits.h"
#include "cri/service/images_api.h"
#include "cri/service/progress_reporter.h"

namespace davit::cri {
namespace {

Result<images::ImageExchange::Push> ReadRequest(const api::PushImageRequest& request) {
  TRY(RequireText("image", request.image(), kMostReferenceBytes));
  TRY(LimitText("target", request.target(), kMostReferenceBytes));
  TRY(CheckLimits(request.credentials()));
  TRY(CheckSourceLimits(request.source_credentials()));
  images::ImageExchange::Push push{request.image(), request.target(), std::nullopt,
                                   ToAuths(request.source_credentials())};
  if (request.has_credentials()) push.auth = ToAuth(request.credentials());
  return push;
}

api::PushImageResponse ToMessage(const images::ImageExchange::Pushed& pushed) {
  api::PushImageResponse message;
  message.mutable_image()->set_reference(pushed.reference);
  message.mutable_image()->set_digest(pushed.digest);
  message.mutable_image()->set_size(pushed.size);
  message.mutable_image()->set_warning(ToResponseText(pushed.warning));
  return message;
}

Result<> CheckLimits(const api::ExportImagesRequest& request) {
  if (request.images().empty()) return Fail(Code::kInvalidArgument, "read", "images", "is empty");
  TRY(LimitCount("images", request.images_size(), kMostExportedImages));
  for (const std::string& image : request.images()) TRY(RequireText("images", image, kMostReferenceBytes));
  return CheckSourceLimits(request.source_credentials());
}

Result<images::LoadReport> LoadFrom(CarryClient& client, ImagesApi::ImportStream& stream,
                                    const images::ImageExchange& exchange) {
  std::unique_ptr<images::ImageLoad> load = TRY(exchange.Load(client.interrupt()));
  TRY(ReceiveArchive([&](auto& message) { return client.Read(stream, message); },
                     [&](std::string_view piece) { return load->Write(piece); }));
  ProgressReporter reporter(SendTo<api::ImportImagesResponse>(client, stream));
  return load->Finish([&](const std::string&, auto progress) { reporter.Follow(std::move(progress)); });
}

api::ImportImagesResponse ToMessage(const images::LoadReport& report) {
  api::ImportImagesResponse message;
  for (const images::LoadedImage& image : report.loaded) {
    api::ImportResult* result = message.add_results();
    result->set_id(image.id);
    for (const std::string& tag : image.tags) result->add_tags(tag);
    for (const std::string& digest : image.digests) result->add_digests(digest);
    for (const std::string& warning : image.warnings) result->add_warnings(ToResponseText(warning));
  }
  for (const Error& failure : report.failures)
    message.add_results()->set_error(ToResponseText(failure.ToString()));
  return message;
}

}  // namespace

grpc::Status ImagesApi::Push(grpc::ServerContext* context, const api::PushImageRequest* request,
                             grpc::ServerWriter<api::PushImageResponse>* writer) {
  api::PushImageResponse last;
  return Serve(edge_, CallClass::kCarry, context, "Images.Push", request->image(), &last,
               [&](Call&) -> Result<api::PushImageResponse> {
                 TRY(RequireEntitled(*context));
                 auto push = TRY(ReadRequest(*request));
                 CarryClient client(*context);
                 auto progress = std::make_shared<images::TransferProgress>();
                 ProgressReporter reporter(SendTo<api::PushImageResponse>(client, *writer));
                 reporter.Follow(progress);
                 auto pushed = client.Explain(exchange_.PushImage(push, client.interrupt(), *progress));
                 reporter.Stop();
                 api::PushImageResponse answer = ToMessage(TRY(std::move(pushed)));
                 client.Write(*writer, answer);
                 return answer;
               });
}

grpc::Status ImagesApi::Export(grpc::ServerContext* context, const api::ExportImagesRequest* request,
                               grpc::ServerWriter<api::ExportImagesResponse>* writer) {
  api::ExportImagesResponse last;
  std::string first = request->images().empty() ? "" : request->images(0);
  return Serve(edge_, CallClass::kCarry, context, "Images.Export", first, &last,
               [&](Call&) -> Result<api::ExportImagesResponse> {
                 TRY(RequireEntitled(*context));
                 TRY(CheckLimits(*request));
                 CarryClient client(*context);
                 ExportSink sink([&](const auto& message) { return client.Write(*writer, message); });
                 auto saved =
                     exchange_.Save({request->images().begin(), request->images().end()},
                                    ToAuths(request->source_credentials()), sink, client.interrupt());
                 if (saved) saved = sink.Flush();
                 TRY(client.Explain(std::move(saved)));
                 return api::ExportImagesResponse();
               });
}

grpc::Status ImagesApi::Import(grpc::ServerContext* context, ImportStream* stream) {
  api::ImportImagesResponse last;
  return Serve(edge_, CallClass::kCarry, context, "Images.Import", "", &last,
               [&](Call&) -> Result<api::ImportImagesResponse> {
                 TRY(RequireEntitled(*context));
                 CarryClient client(*context);
                 auto report = client.Explain(LoadFrom(client, *stream, exchange_));
                 api::ImportImagesResponse answer = ToMessage(TRY(std::move(report)));
                 client.Write(*stream, answer);
                 return answer;
               });
}

}  // namespace davit::cri
