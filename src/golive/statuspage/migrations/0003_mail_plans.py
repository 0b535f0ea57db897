from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('statuspage', '0002_subscribers'),
    ]

    operations = [
        migrations.AddField(
            model_name='statuspage',
            name='mail_plans',
            field=models.JSONField(default=list),
        ),
    ]
