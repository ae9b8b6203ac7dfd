# Reports that a schedule keeps warm.
terraform {
  required_providers {
    aws     = { source = "hashicorp/aws", version = ">= 5.0" }
    archive = { source = "hashicorp/archive", version = ">= 2.4" }
  }
}

data "aws_region" "current" {}

data "archive_file" "code" {
  type        = "zip"
  source_file = "${path.module}/build/bootstrap"
  output_path = "${path.module}/build/function.zip"
}

resource "aws_lambda_function" "function" {
  function_name    = "warm-up"
  filename         = data.archive_file.code.output_path
  source_code_hash = data.archive_file.code.output_base64sha256
  handler          = "bootstrap"
  runtime          = "provided.al2023"
  architectures    = ["arm64"]
  memory_size      = 512
  timeout          = 120
  role             = aws_iam_role.function.arn

  environment {
    variables = {
      STILLWARM_BACKEND = "s3://${aws_s3_bucket.cache.id}/cache?region=${data.aws_region.current.name}"
    }
  }
}

resource "aws_s3_bucket" "cache" {
  force_destroy = true # nothing in it that could not be computed again
}

resource "aws_s3_bucket_lifecycle_configuration" "cache" {
  bucket = aws_s3_bucket.cache.id

  rule {
    id     = "entries"
    status = "Enabled"
    filter { prefix = "cache/e/" }
    expiration { days = 7 }
  }

  rule {
    id     = "leases"
    status = "Enabled"
    filter { prefix = "cache/l/" }
    expiration { days = 1 }
  }
}

resource "aws_iam_role" "function" {
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_iam_role_policy_attachment" "logs" {
  role       = aws_iam_role.function.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

resource "aws_iam_role_policy" "cache" {
  role = aws_iam_role.function.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], Resource = "${aws_s3_bucket.cache.arn}/cache/*" },
      { Effect = "Allow", Action = "s3:ListBucket", Resource = aws_s3_bucket.cache.arn },
    ]
  })
}

resource "aws_cloudwatch_event_rule" "keep_warm" {
  schedule_expression = "rate(4 hours)"
}

resource "aws_cloudwatch_event_target" "keep_warm" {
  rule  = aws_cloudwatch_event_rule.keep_warm.name
  arn   = aws_lambda_function.function.arn
  input = jsonencode({ warmUp = ["daily", "weekly"] })
}

resource "aws_lambda_permission" "keep_warm" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.function.function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.keep_warm.arn
}
