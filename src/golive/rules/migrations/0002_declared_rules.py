from django.db import migrations, models


def name_by_kind(apps, schema_editor):
    apps.get_model("rules", "Rule").objects.update(name=models.F("kind"))


class Migration(migrations.Migration):
    dependencies = [("rules", "0001_initial")]

    operations = [
        migrations.AddField("rule", "name", models.CharField(max_length=63, default="")),
        migrations.AddField(
            "rule",
            "origin",
            models.CharField(
                choices=[("cookbook", "Cookbook"), ("file", "golive.toml"), ("console", "Console")],
                default="cookbook",
                max_length=8,
            ),
        ),
        migrations.RunPython(name_by_kind, migrations.RunPython.noop),
        migrations.RemoveConstraint("rule", "rule_kind_once"),
        migrations.AlterField("rule", "name", models.CharField(max_length=63)),
        migrations.AlterField(
            "rule",
            "kind",
            models.CharField(
                choices=[
                    (kind, kind)
                    for kind in (
                        "error_rate",
                        "p95",
                        "pool",
                        "disk",
                        "webhook_failures",
                        "signups",
                        "threshold",
                        "absence",
                        "change",
                        "anomaly",
                        "burn",
                        "errors",
                    )
                ],
                max_length=24,
            ),
        ),
        migrations.AddConstraint(
            "rule", models.UniqueConstraint(fields=("project", "name"), name="rule_name_once")
        ),
    ]
